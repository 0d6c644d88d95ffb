import type { EC2 } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { IAM } from '@aws-sdk/client-iam';
import type { SSM } from '@aws-sdk/client-ssm';
import type { ErrorCode } from '../../base/errors/catalogue.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';

/** The SDK is large, so each service is loaded when it is first asked. */
export interface AwsClients {
  readonly region: string;
  ec2(): Promise<EC2>;
  balancing(): Promise<ElasticLoadBalancingV2>;
  iam(): Promise<IAM>;
  parameters(): Promise<SSM>;
}

/** Throttling and faults of AWS are tried again by the SDK, ever later. */
const MAX_ATTEMPTS = 6;

/** That of the cluster, else what AWS' own tools take. */
export const regionOf = (settings: Readonly<Record<string, unknown>>): string | undefined =>
  (settings['region'] as string | undefined) || process.env['AWS_REGION'] || process.env['AWS_DEFAULT_REGION'];

/** Credentials come from where AWS' own tools look: environment, profile, instance. Throws CLOUD_AUTH_FAILED without a region. */
export const openAws = (region: string | undefined, endpoint?: string): AwsClients => {
  if (!region)
    throw new SlipwayError('CLOUD_AUTH_FAILED', {
      tried: 'use AWS',
      cause: 'no region is given',
      advice: ['export AWS_REGION=eu-central-1', 'spec.drivers.aws.region: eu-central-1   # in the cluster file'],
    });
  const settings = { region, maxAttempts: MAX_ATTEMPTS, ...(endpoint ? { endpoint } : {}) };
  const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
    let made: Promise<T> | undefined;
    return () => {
      made ??= make();
      return made;
    };
  };
  return {
    region,
    ec2: once(async () => new (await import('./sdk-ec2.ts')).EC2(settings)),
    balancing: once(async () => new (await import('./sdk-balancing.ts')).ElasticLoadBalancingV2(settings)),
    iam: once(async () => new (await import('./sdk-iam.ts')).IAM(settings)),
    parameters: once(async () => new (await import('./sdk-ssm.ts')).SSM(settings)),
  };
};

/** AWS names its faults; what it says of them is for people. */
export const faultOf = (error: unknown): string => (error instanceof Error ? error.name.replace(/Exception$/, '') : '');

/** Undefined for the faults that are expected; other errors as they are. */
export const unlessFault =
  (...names: string[]) =>
  (error: unknown): undefined => {
    if (names.includes(faultOf(error))) return undefined;
    throw error;
  };

interface Meaning {
  faults: RegExp;
  code: ErrorCode;
  advice: readonly string[];
}

const AS_WHO = 'aws sts get-caller-identity';
const OTHER_REGION = 'spec.drivers.aws.region: eu-central-1   # in the cluster file';

/** What each kind of refusal means to a person. */
const MEANINGS: readonly Meaning[] = [
  {
    // EC2 says the same of credentials that are over and of a clock that is wrong.
    faults: /^(ExpiredToken|RequestExpired|TokenRefreshRequired|RequestTimeTooSkewed|RequestInTheFuture)/,
    code: 'CLOUD_AUTH_FAILED',
    advice: [
      'aws sso login',
      'export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... AWS_SESSION_TOKEN=...   # new ones',
      'timedatectl   # is the clock of this computer right?',
    ],
  },
  {
    faults: /^(AuthFailure|UnrecognizedClient|InvalidClientTokenId|SignatureDoesNotMatch|CredentialsProviderError)/,
    code: 'CLOUD_AUTH_FAILED',
    advice: ['aws configure', 'export AWS_PROFILE=NAME', 'export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...'],
  },
  {
    faults: /^OptInRequired/,
    code: 'CLOUD_AUTH_FAILED',
    advice: ['aws account enable-region --region-name REGION', OTHER_REGION],
  },
  {
    faults: /^(UnauthorizedOperation|AccessDenied)/,
    code: 'CLOUD_AUTH_FAILED',
    advice: [AS_WHO, 'the rights that are needed: docs/guides/aws.md'],
  },
  {
    // Throttling has a name like it, and is no quota.
    faults: /^(?!Request)\w*LimitExceeded$|^MaxSpotInstanceCountExceeded$|^TooMany/,
    code: 'QUOTA_EXCEEDED',
    advice: [
      'aws service-quotas list-service-quotas --service-code ec2',
      'spec.pools[].settings.instanceType: t3.small   # in the cluster file',
      OTHER_REGION,
    ],
  },
  {
    faults: /^Insufficient\w*Capacity$|^SpotMaxPriceTooLow$|^Unsupported$/,
    code: 'CLOUD_REQUEST_FAILED',
    advice: ['spec.pools[].settings.instanceType: m6i.large   # another one has room', 'spec.pools[].settings.spot: false', OTHER_REGION],
  },
  {
    // Only EC2 starts again what it has taken back; it does so once it has room.
    faults: /^IncorrectSpotRequestState$/,
    code: 'CLOUD_REQUEST_FAILED',
    advice: [
      "aws ec2 describe-spot-instance-requests --query 'SpotInstanceRequests[].[InstanceId,State,Status.Code]' --output text",
      'slipway node replace NODE --force   # a new machine instead of waiting for capacity',
    ],
  },
  {
    faults: /^Invalid(SubnetID|VpcID)/,
    code: 'NETWORK_UNKNOWN',
    advice: [
      "aws ec2 describe-subnets --query 'Subnets[].[VpcId,SubnetId,AvailabilityZone]' --output text",
      'spec.drivers.aws.subnets: [subnet-...]   # in the cluster file',
    ],
  },
  {
    // Of a name: every region has a host of its own.
    faults: /^ENOTFOUND$/,
    code: 'CLOUD_REQUEST_FAILED',
    advice: ["aws ec2 describe-regions --region us-east-1 --query 'Regions[].RegionName'   # is it among them?", OTHER_REGION],
  },
  {
    faults: /^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|TimeoutError)$/,
    code: 'CLOUD_REQUEST_FAILED',
    advice: ['curl --head https://aws.amazon.com   # does this computer reach AWS?'],
  },
];

/** A call to AWS; what it refuses comes as an error of the catalogue. `tried` is the end of "cannot ...". */
export const asked = async <T>(tried: string, call: Promise<T>): Promise<T> => {
  try {
    return await call;
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    const name = faultNameOf(error);
    const meaning = MEANINGS.find(({ faults }) => faults.test(name));
    throw new SlipwayError(meaning?.code ?? 'CLOUD_REQUEST_FAILED', {
      tried,
      cause: `${name}: ${error instanceof Error ? error.message : String(error)}`,
      ...(meaning ? { advice: meaning.advice } : {}),
    });
  }
};

/** AWS's own name of a fault, or of what the network said instead of AWS. */
const faultNameOf = (error: unknown): string => {
  if (!(error instanceof Error)) return '';
  const { code } = error as NodeJS.ErrnoException;
  return error.name === 'Error' && code ? code : error.name;
};
