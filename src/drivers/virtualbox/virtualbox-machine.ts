import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Machine, MachineId } from '../driver.ts';
import type { VirtualBox, VirtualBoxMachine, VirtualBoxNetwork } from './virtualbox.ts';
import { belongsTo, machineName } from './virtualbox-plan.ts';

/** Throws NODE_UNKNOWN. `verb` is what was to be done with it. */
export const existingMachine = async (box: VirtualBox, id: MachineId, verb: string): Promise<VirtualBoxMachine> => {
  const found = await box.machine(machineName(id));
  if (found) return found;
  throw new SlipwayError('NODE_UNKNOWN', { tried: `${verb} ${id.name}`, cause: 'VirtualBox has no such machine' });
};

/** On, and does nothing: it holds its disk, and goes on when it is resumed. */
export const isPaused = ({ state }: VirtualBoxMachine): boolean => state === 'paused';

/** One that is paused is on; the memory of one that was saved is in a file, which VirtualBox keeps and puts back with the disk. */
export const isOff = ({ state }: VirtualBoxMachine): boolean => ['poweroff', 'aborted', 'saved', 'aborted-saved'].includes(state);

/** Undefined for one that was never finished. */
export const machineOf = (found: VirtualBoxMachine, network: VirtualBoxNetwork | undefined): Machine | undefined => {
  const { cluster, node: name, address } = found.labels;
  if (!cluster || !name || !address) return undefined;
  const rules = network?.forwards.filter((rule) => belongsTo(rule, { cluster, name })) ?? [];
  return {
    cluster,
    name,
    // Of a node that is paused nothing is heard either, until it is started.
    state: isOff(found) || isPaused(found) ? 'stopped' : 'running',
    address,
    externalAddress: '127.0.0.1',
    forwardedPorts: Object.fromEntries(rules.map((rule) => [rule.guestPort, rule.hostPort])),
    sameNetwork: true,
  };
};
