import type { EC2 } from '@aws-sdk/client-ec2';
import type { SshKeyPair } from '../../hosts/ssh/make-ssh-key.ts';
import type { Journal } from '../driver.ts';
import { asked } from './aws-clients.ts';
import { nameOf } from './aws-network.ts';
import { ofCluster, tagged, tagsOf } from './aws-tags.ts';

/** Tells AWS of the key that a cluster's instances let in; the name by which it is known there. */
export const ensureKeyPair = async (
  ec2: EC2,
  { cluster, key, journal }: { cluster: string; key: SshKeyPair; journal: Journal },
): Promise<string> => {
  const name = nameOf(cluster);
  const known = (await asked('look for the key pair', ec2.describeKeyPairs({ Filters: ofCluster(cluster), IncludePublicKey: true })))
    .KeyPairs?.[0];
  const material = (line: string | undefined): string => (line ?? '').split(' ').slice(0, 2).join(' ');
  if (known && material(known.PublicKey) === material(key.publicKey)) return name;
  if (known) await asked('remove the key pair of another computer', ec2.deleteKeyPair({ KeyName: known.KeyName }));
  await journal.record({ kind: 'key-pair', name, driver: 'aws', details: { region: await ec2.config.region() } });
  const request = {
    KeyName: name,
    PublicKeyMaterial: Buffer.from(key.publicKey),
    TagSpecifications: [tagged('key-pair', tagsOf(cluster, name))],
  };
  await asked(
    'import the key pair',
    ec2.importKeyPair(request).catch((error: unknown) => {
      // Another machine of this run was quicker.
      if (error instanceof Error && error.name === 'InvalidKeyPair.Duplicate') return undefined;
      throw error;
    }),
  );
  return name;
};

export const removeKeyPair = async (ec2: EC2, { cluster, journal }: { cluster: string; journal: Journal }): Promise<void> => {
  const keys = (await asked('look for the key pair', ec2.describeKeyPairs({ Filters: ofCluster(cluster) }))).KeyPairs ?? [];
  for (const key of keys) await asked('remove the key pair', ec2.deleteKeyPair({ KeyName: key.KeyName }));
  await journal.forget({ driver: 'aws', kind: 'key-pair', name: nameOf(cluster) });
};
