import type { EC2, Image } from '@aws-sdk/client-ec2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { asked } from './aws-clients.ts';

/** Publishers' account numbers, as they say themselves: Debian's cloud team, Canonical. */
const PUBLISHED: Readonly<Record<string, { owner: string; name: string }>> = {
  'debian-12': { owner: '136693071363', name: 'debian-12-amd64-*' },
  'ubuntu-24.04': { owner: '099720109477', name: 'ubuntu/images/hvm-ssd*/ubuntu-noble-24.04-amd64-server-*' },
};

/** The image that is named, else the newest of a system. Throws IMAGE_INVALID. */
export const findImage = async (
  ec2: EC2,
  { image, os = 'debian-12' }: { image?: string | undefined; os?: string | undefined },
): Promise<Image> => {
  const published = PUBLISHED[os];
  const found = image
    ? ((await ec2.describeImages({ ImageIds: [image] }).catch(() => undefined))?.Images ?? [])
    : ((
        await asked(
          `find the newest image of ${os}`,
          ec2.describeImages({
            Owners: [published?.owner ?? ''],
            Filters: [
              { Name: 'name', Values: [published?.name ?? ''] },
              { Name: 'state', Values: ['available'] },
              { Name: 'architecture', Values: ['x86_64'] },
              { Name: 'root-device-type', Values: ['ebs'] },
              { Name: 'virtualization-type', Values: ['hvm'] },
            ],
          }),
        )
      ).Images ?? []);
  const newest = found.toSorted((a, b) => (`${a.CreationDate} ${a.Name}` < `${b.CreationDate} ${b.Name}` ? 1 : -1))[0];
  if (newest?.ImageId) return newest;
  throw new SlipwayError('IMAGE_INVALID', {
    tried: image ? `use the image ${image}` : `find the newest image of ${os}`,
    cause: image
      ? 'there is none of that name in the region, or it is not shared with this account'
      : 'the region has none of its publisher',
    advice: ['aws ec2 describe-images --owners 136693071363', 'spec.drivers.aws.image: ami-...   # in the cluster file'],
  });
};
