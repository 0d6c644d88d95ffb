import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { MachineId } from './driver.ts';

/** A disk that is written to while it is copied may be torn. `action`: `keep the disk of`. Throws USAGE. */
export const requireOff = (id: MachineId, { running, action }: { running: boolean; action: string }): void => {
  if (!running) return;
  throw new SlipwayError('USAGE', {
    tried: `${action} ${id.name}`,
    cause: 'the machine is on',
    advice: [`slipway node stop ${id.name} --cluster ${id.cluster}`],
  });
};

/** Throws NAME_TAKEN. */
export const requireFreeName = (id: MachineId, name: string, known: readonly string[]): void => {
  if (!known.includes(name)) return;
  throw new SlipwayError('NAME_TAKEN', {
    tried: `keep the disk of ${id.name} as ${name}`,
    cause: 'a snapshot of it has that name',
    advice: [`slipway node snapshot ${id.name} --name another-name --cluster ${id.cluster}`],
  });
};

/** Throws SNAPSHOT_UNKNOWN. */
export const requireKnownName = (
  id: MachineId,
  { name, tried, known }: { name: string; tried: string; known: readonly string[] },
): void => {
  if (known.includes(name)) return;
  throw new SlipwayError('SNAPSHOT_UNKNOWN', {
    tried,
    cause: known.length ? `it was kept as ${known.join(', ')}` : 'it was never kept',
    advice: [`slipway node snapshot ${id.name} --list --cluster ${id.cluster}`],
  });
};
