import type { EC2 } from '@aws-sdk/client-ec2';
import type { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { IAM } from '@aws-sdk/client-iam';
import type { ErrorCode } from '../../base/errors/catalogue.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';

/** The SDK is large, so each service is loaded when it is first asked. */
export interface AwsClients {
  readonly region: string;
  ec2(): Promise<EC2>;
  balancing(): Promise<ElasticLoadBalancingV2>;
  iam(): Promise<IAM>;
}

/** Throttling and faults of AWS are tried again by the SDK, ever later. */
const MAX_ATTEMPTS = 6;

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

/** What each kind of refusal means to a person. */
const MEANINGS: readonly { faults: RegExp; code: ErrorCode; advice: readonly string[] }[] = [
  {
    faults:
      /^(AuthFailure|UnrecognizedClient|InvalidClientTokenId|SignatureDoesNotMatch|ExpiredToken|RequestExpired|CredentialsProviderError)/,
    code: 'CLOUD_AUTH_FAILED',
    advice: ['aws configure', 'export AWS_PROFILE=NAME', 'export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...'],
  },
  {
    faults: /^(UnauthorizedOperation|AccessDenied)/,
    code: 'CLOUD_AUTH_FAILED',
    advice: ['the rights that are needed: docs/guides/aws.md'],
  },
  {
    faults: /LimitExceeded$|^MaxSpotInstanceCountExceeded$|^TooMany/,
    code: 'QUOTA_EXCEEDED',
    advice: [
      'aws service-quotas list-service-quotas --service-code ec2',
      'spec.pools[].settings.instanceType: t3.small   # in the cluster file',
    ],
  },
];

/** A call to AWS; what it refuses comes as an error of the catalogue. `tried` is the end of "cannot ...". */
export const asked = async <T>(tried: string, call: Promise<T>): Promise<T> => {
  try {
    return await call;
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    const name = error instanceof Error ? error.name : '';
    const meaning = MEANINGS.find(({ faults }) => faults.test(name));
    throw new SlipwayError(meaning?.code ?? 'CLOUD_REQUEST_FAILED', {
      tried,
      cause: `${name}: ${error instanceof Error ? error.message : String(error)}`,
      ...(meaning ? { advice: meaning.advice } : {}),
    });
  }
};
