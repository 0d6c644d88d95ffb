import type { EC2, Image } from '@aws-sdk/client-ec2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { type AwsClients, asked, faultOf, unlessFault } from './aws-clients.ts';

interface Publication {
  /** The parameter that the publisher keeps at the newest image, in every region and partition. */
  parameter: string;
  /** The publisher's account, as it says itself, and its names: for who may not read parameters. */
  owner: string;
  name: string;
}

/** Debian's cloud team, Canonical. */
const PUBLISHED: Readonly<Record<string, Publication>> = {
  'debian-12': { parameter: '/aws/service/debian/release/12/latest/amd64', owner: '136693071363', name: 'debian-12-amd64-*' },
  'ubuntu-24.04': {
    parameter: '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
    owner: '099720109477',
    name: 'ubuntu/images/hvm-ssd*/ubuntu-noble-24.04-amd64-server-*',
  },
};
const DEFAULT_OS = 'debian-12';

/** The image that is named, else the newest of a system. Throws MACHINE_IMAGE_MISSING. */
export const findImage = async (
  clients: AwsClients,
  { image, os = DEFAULT_OS }: { image?: string | undefined; os?: string | undefined },
): Promise<Image> => {
  const ec2 = await clients.ec2();
  if (image) {
    const named = await imageOf(ec2, image);
    if (named) return named;
    throw missing(`use the image ${image}`, {
      cause: `the region ${clients.region} has none of that name, or it is not shared with this account`,
      advice: [
        `aws ec2 describe-images --region ${clients.region} --image-ids ${image}`,
        'spec.drivers.aws.image: ami-...   # in the cluster file',
      ],
    });
  }
  const publication = PUBLISHED[os] ?? { parameter: '', owner: '', name: '' };
  const found = (await publishedImage(clients, ec2, publication)) ?? (await newestOfOwner(ec2, { os, publication }));
  if (found) return found;
  throw missing(`find the newest image of ${os}`, {
    cause: `its publisher has none in the region ${clients.region}`,
    advice: [
      `aws ssm get-parameter --region ${clients.region} --name ${publication.parameter}`,
      `aws ec2 describe-images --region ${clients.region} --owners ${publication.owner}`,
      'spec.drivers.aws.image: ami-...   # in the cluster file',
    ],
  });
};

const imageOf = async (ec2: EC2, id: string): Promise<Image | undefined> =>
  (
    await asked(
      `look for the image ${id}`,
      ec2
        .describeImages({ ImageIds: [id] })
        .catch(unlessFault('InvalidAMIID.NotFound', 'InvalidAMIID.Malformed', 'InvalidAMIID.Unavailable')),
    )
  )?.Images?.[0];

/** What the publisher's parameter says. Undefined where there is none, or it may not be read: it is a way, not a need. */
const publishedImage = async (clients: AwsClients, ec2: EC2, { parameter }: Publication): Promise<Image | undefined> => {
  try {
    const id = (await (await clients.parameters()).getParameter({ Name: parameter })).Parameter?.Value;
    return id ? await imageOf(ec2, id) : undefined;
  } catch (error) {
    if (/^(ParameterNotFound|AccessDenied|UnauthorizedOperation)/.test(faultOf(error))) return undefined;
    return await asked('find out which image is the newest', Promise.reject(error));
  }
};

const newestOfOwner = async (ec2: EC2, { os, publication }: { os: string; publication: Publication }): Promise<Image | undefined> => {
  const { Images = [] } = await asked(
    `find the newest image of ${os}`,
    ec2.describeImages({
      Owners: [publication.owner],
      Filters: [
        { Name: 'name', Values: [publication.name] },
        { Name: 'state', Values: ['available'] },
        { Name: 'architecture', Values: ['x86_64'] },
        { Name: 'root-device-type', Values: ['ebs'] },
        { Name: 'virtualization-type', Values: ['hvm'] },
      ],
    }),
  );
  return Images.toSorted((a, b) => (`${a.CreationDate} ${a.Name}` < `${b.CreationDate} ${b.Name}` ? 1 : -1))[0];
};

const missing = (tried: string, why: { cause: string; advice: string[] }): SlipwayError =>
  new SlipwayError('MACHINE_IMAGE_MISSING', { tried, ...why });
