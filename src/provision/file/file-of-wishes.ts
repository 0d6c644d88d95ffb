import { DRIVERS } from '../../drivers/index.ts';
import { type ClusterWishes, clusterSpec } from '../spec/cluster-spec.ts';
import { DEFAULT_POOL } from '../spec/node-names.ts';
import type { ClusterFile, PoolFile } from './cluster-file.ts';
import { readClusterFile } from './read-cluster-file.ts';
import { typedSetting } from './typed-answers.ts';
import { writeClusterFile } from './write-cluster-file.ts';

/** What was answered in the wizard, beside what flags can say. */
export interface FileAnswers extends ClusterWishes {
  diskGiB?: number;
  /** Of the driver, by name of the setting. */
  settings?: Readonly<Record<string, string>>;
  addons?: { demo?: boolean; storageClass?: boolean };
}

/** A cluster file from flags or answers, as text. Throws NAME_INVALID, USAGE and CONFIG_INVALID for what cannot be. */
export const fileOfWishes = (answers: FileAnswers): string => {
  // What flags cannot be is told of them, and not of lines that nobody has seen.
  const { driver } = clusterSpec(answers);
  const settings: Record<string, unknown> = {
    ...(answers.subnet ? { subnet: answers.subnet } : {}),
    ...(answers.identityFile ? { identityFile: answers.identityFile } : {}),
    ...(answers.jumpHost ? { jumpHost: answers.jumpHost } : {}),
    ...typed(driver, answers.settings ?? {}),
  };
  const pool: PoolFile = {
    name: DEFAULT_POOL,
    ...(answers.hosts?.length ? { hosts: [...answers.hosts] } : { count: answers.nodes ?? 2 }),
    ...(answers.cpus ? { cpus: answers.cpus } : {}),
    ...(answers.memoryMiB ? { memory: memoryText(answers.memoryMiB) } : {}),
    ...(answers.diskGiB ? { disk: `${answers.diskGiB}Gi` } : {}),
  };
  const file: ClusterFile = {
    apiVersion: 'slipway/v1',
    kind: 'Cluster',
    metadata: { name: answers.name },
    spec: {
      driver,
      ...(Object.keys(settings).length ? { drivers: { [driver]: settings } } : {}),
      ...controlPlaneOf(answers),
      pools: [pool],
      ...(answers.addons ? { addons: answers.addons } : {}),
    },
  };
  const text = writeClusterFile(file);
  // What could not be read again must not be written.
  readClusterFile(text, `${answers.name}.yaml`);
  return text;
};

const controlPlaneOf = ({ controlPlanes, dedicatedControlPlanes }: ClusterWishes): Pick<ClusterFile['spec'], 'controlPlane'> => {
  const controlPlane = {
    ...(controlPlanes === undefined ? {} : { count: controlPlanes }),
    ...(dedicatedControlPlanes === undefined ? {} : { dedicated: dedicatedControlPlanes }),
  };
  return Object.keys(controlPlane).length ? { controlPlane } : {};
};

const memoryText = (memoryMiB: number): string => (memoryMiB % 1024 === 0 ? `${memoryMiB / 1024}Gi` : `${memoryMiB}Mi`);

const typed = (driver: string, answers: Readonly<Record<string, string>>): Record<string, unknown> => {
  const settings = DRIVERS.find((one) => one.name === driver)?.settings ?? [];
  return Object.fromEntries(
    Object.entries(answers)
      .filter(([, text]) => text !== '')
      .map(([name, text]) => [name, typedSetting(settings.find((setting) => setting.name === name) ?? { type: 'string' }, text)]),
  );
};
