import { stat } from 'node:fs/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { DriverSetting } from '../../drivers/driver.ts';
import { driverDescriptor } from '../../drivers/index.ts';
import { settingsOf } from '../cluster-drivers.ts';
import type { ClusterSpec, ClusterWishes, NodeSpec, WishedFile } from '../spec/cluster-spec.ts';
import { poolsOf } from './cluster-file.ts';

interface Fault {
  node: NodeSpec;
  setting: DriverSetting;
  message: string;
}

/**
 * What machines cannot be made without: settings that their driver needs, and files that these name. Machines that stand already need neither.
 * Throws CONFIG_INVALID, and USAGE for a cluster from flags.
 */
export const checkNewNodes = async (wishes: ClusterWishes, spec: ClusterSpec, known: ClusterSpec | undefined): Promise<void> => {
  const fresh = spec.nodes.filter((node) => !known?.nodes.some(({ name }) => name === node.name));
  const faults = (await Promise.all(fresh.map((node) => faultsOf(spec, node)))).flat();
  const [first] = faults;
  if (!first) return;
  const { file } = wishes;
  if (file) throw file.refuse(faults.map(({ node, setting, message }) => ({ path: pathOf(file, node, setting.name), message })));
  throw new SlipwayError('USAGE', {
    tried: `use the driver ${first.node.driver}`,
    cause: `${first.message}, and only a cluster file can say it (${first.setting.description})`,
    advice: [`slipway init ${spec.name} --driver ${first.node.driver} -o ${spec.name}.yaml`, `slipway up -f ${spec.name}.yaml`],
  });
};

const faultsOf = async (spec: ClusterSpec, node: NodeSpec): Promise<Fault[]> => {
  const settings = settingsOf(spec, node);
  const found = driverDescriptor(node.driver).settings.map(async (setting): Promise<Fault[]> => {
    const value = settings[setting.name];
    if (value === undefined) return setting.required ? [{ node, setting, message: `the driver ${node.driver} needs ${setting.name}` }] : [];
    // A hook may fetch it.
    const isLater = Boolean(spec.hooks?.commands['beforeUp']?.length);
    if (!setting.file || isLater || typeof value !== 'string' || /^https?:\/\//.test(value) || (await isFile(value))) return [];
    return [{ node, setting, message: `there is no file ${value}` }];
  });
  return (await Promise.all(found)).flat();
};

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => !found.isDirectory(),
    // One that may not be looked at is the driver's to tell of.
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );

/** Where the setting stands, or where it would. */
const pathOf = ({ content }: WishedFile, node: NodeSpec, setting: string): (string | number)[] => {
  const pools = poolsOf(content);
  const index = pools.findIndex(({ name }) => name === node.pool);
  const inDriver = content.spec.drivers?.[node.driver]?.[setting] !== undefined;
  if (pools[index]?.settings?.[setting] !== undefined) return ['spec', 'pools', index, 'settings', setting];
  if (setting === 'image' && (pools[index]?.image !== undefined || !inDriver)) return ['spec', 'pools', index, 'image'];
  return ['spec', 'drivers', node.driver, setting];
};
