import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { tryLock } from '../../base/io/process-lock.ts';

/** One change of a cluster at a time: `locks/NAME`. Throws STATE_LOCKED with the pid of the other. */
export const lockCluster = (locks: string, name: string): (() => void) => {
  mkdirSync(locks, { recursive: true, mode: 0o700 });
  const lock = tryLock(join(locks, name));
  if ('release' in lock) return lock.release;
  throw new SlipwayError('STATE_LOCKED', {
    tried: `change the cluster ${name}`,
    cause: `another slipway works on it${lock.holder ? ` (process ${lock.holder})` : ''}`,
    advice: lock.holder ? [`ps -p ${lock.holder} -o args`, 'try again when it has ended'] : ['try again'],
  });
};
