import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { type DriverDescriptor, usesHosts } from '../../drivers/driver.ts';
import { DRIVERS, driverDescriptor } from '../../drivers/index.ts';
import { settingProblem } from '../../drivers/read-settings.ts';
import type { ClusterSpec, ClusterWishes, NodeSpec } from './cluster-spec.ts';
import { twinFaults } from './host-twins.ts';
import { nodeRanges, rangeFaults } from './network-ranges.ts';
import { CPUS, countFault, MEMORY, sizeFault } from './node-size.ts';

/** Flags that are a setting of the driver. */
const SETTING_FLAGS = [
  { flag: '--subnet', setting: 'subnet', key: 'subnet', example: '10.200.1.0/24' },
  { flag: '--host', setting: 'host', key: 'hosts', example: 'root@192.0.2.11' },
  { flag: '--identity-file', setting: 'identityFile', key: 'identityFile', example: '~/.ssh/id_ed25519' },
  { flag: '--jump-host', setting: 'jumpHost', key: 'jumpHost', example: 'admin@192.0.2.1' },
] as const satisfies readonly { flag: string; setting: string; key: keyof ClusterWishes; example: string }[];

/** What is wrong with flags whatever the cluster is. `driverOf`: the driver that a setting is meant for; `command`: what was typed. Throws USAGE, DRIVER_UNKNOWN. */
export const checkFlags = (
  wishes: Partial<ClusterWishes>,
  {
    driverOf,
    command = wishes.name === undefined ? 'slipway up' : `slipway up ${wishes.name}`,
  }: { driverOf: (setting: string) => string; command?: string },
): void => {
  const { cpus, memoryMiB } = wishes;
  if (cpus !== undefined) requireSize(command, { flag: '--cpus', value: cpus, fault: countFault(cpus, CPUS), example: 2 });
  if (memoryMiB !== undefined)
    requireSize(command, { flag: '--memory', value: memoryMiB, fault: sizeFault(`${memoryMiB}Mi`, MEMORY), example: 1024 });
  for (const { setting, key, ...flag } of SETTING_FLAGS)
    for (const value of [wishes[key] ?? []].flat())
      requireSetting(command, { ...flag, name: setting, value }, driverDescriptor(driverOf(setting)));
};

const requireSize = (
  up: string,
  { flag, value, fault, example }: { flag: string; value: number; fault: string | undefined; example: number },
): void => {
  if (fault) throw refused(`${flag} ${value}`, `it ${fault}`, `${up} ${flag} ${example}`);
};

const requireSetting = (
  up: string,
  { flag, name, value, example }: { flag: string; name: string; value: string; example: string },
  driver: DriverDescriptor,
): void => {
  const setting = driver.settings.find((one) => one.name === name);
  if (!setting) {
    const others = DRIVERS.filter(({ settings }) => settings.some((one) => one.name === name)).map((one) => one.name);
    const cause = `the driver ${driver.name} has no such setting; for ${others.join(', ')} there is one`;
    throw refused(`${flag} ${value}`, cause, ...others.map((other) => `${up} --driver ${other} ${flag} ${value}`));
  }
  const problem = settingProblem(setting, value);
  if (problem) throw refused(`${flag} ${value}`, problem.startsWith('must ') ? `it ${problem}` : problem, `${up} ${flag} ${example}`);
};

/** What of a cluster from flags cannot be: hosts that are missing, or given twice, and networks that overlap. Throws USAGE. */
export const checkSpec = (spec: ClusterSpec, { known, subnet }: { known: ClusterSpec | undefined; subnet: string | undefined }): void => {
  requireHosts(spec, known?.nodes ?? []);
  if (subnet === undefined) return;
  const { podCidr, serviceCidr } = spec.network;
  const ranges = [
    { at: 'pods', name: 'the range of pods', text: podCidr, isDefault: !known },
    { at: 'Services', name: 'the range of Services', text: serviceCidr, isDefault: !known },
  ];
  const ofNodes = nodeRanges(driverDescriptor(spec.driver), { subnet }).map((range) => ({ at: '--subnet', name: '--subnet', ...range }));
  const fault = rangeFaults(ranges, ofNodes).find(({ at }) => at === '--subnet');
  if (fault) throw refused(`--subnet ${subnet}`, fault.message, `slipway up ${spec.name} --subnet 10.200.1.0/24`);
};

const requireHosts = ({ name, nodes, driver }: ClusterSpec, before: readonly NodeSpec[]): void => {
  const missing = nodes
    .slice(before.length)
    .filter((node) => usesHosts(driverDescriptor(node.driver)) && node.settings['host'] === undefined);
  if (missing.length) {
    const cause = `it uses hosts that you have, and none is given with --host for ${missing.map((node) => node.name).join(', ')}`;
    const hosts = '--host root@192.0.2.11 --host root@192.0.2.12';
    throw refused(`the driver ${driver}`, cause, `slipway up ${name} --driver ${driver} ${hosts}`);
  }
  const isTold = (node: NodeSpec, index: number): boolean => node.settings['host'] !== before[index]?.settings['host'];
  requireOwnHosts(nodes, nodes.filter(isTold));
};

/** None of these nodes has the host of another one of the cluster. Throws USAGE. */
export const requireOwnHosts = (all: readonly NodeSpec[], nodes: readonly NodeSpec[]): void => {
  const hosts = all
    .filter(({ settings }) => settings['host'] !== undefined)
    .map(({ name, settings }) => ({ name, host: String(settings['host']), address: settings['address'] as string | undefined }));
  const twin = twinFaults(hosts).find(({ index }) => nodes.some(({ name }) => name === hosts[index]?.name));
  if (twin) throw refused(`--host ${hosts[twin.index]?.host}`, twin.message, 'slipway up --help   # --host is given once for each node');
};

const refused = (what: string, cause: string, ...advice: string[]): SlipwayError =>
  new SlipwayError('USAGE', { tried: `use ${what}`, cause, advice });
