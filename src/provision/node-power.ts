import type { MachineId } from '../drivers/driver.ts';
import { step } from './jobs/down.ts';
import { type Job, startJob } from './jobs/job.ts';
import { killNode, startNode, stopNode } from './jobs/power.ts';

/** What can be done to one node's machine. */
export type PowerChange = 'start' | 'stop' | 'kill';

const STEPS: Readonly<Record<PowerChange, (node: string) => { name: string; title: string }>> = {
  start: (node) => ({ name: 'start-node', title: `Starting ${node}` }),
  stop: (node) => ({ name: 'stop-node', title: `Stopping ${node}` }),
  kill: (node) => ({ name: 'kill-node', title: `Cutting the power of ${node}` }),
};

/** One node is started, stopped in order, or loses its power: a job of one step, told as every other job is. Throws NODE_UNKNOWN. */
export const changePower = (
  id: MachineId,
  change: PowerChange,
  { signal }: { signal: AbortSignal },
): Job<{ cluster: string; node: string }> =>
  startJob((push) =>
    step(push, STEPS[change](id.name), async () => {
      if (change === 'start') await startNode(id, { signal });
      else await (change === 'stop' ? stopNode : killNode)(id);
      return { cluster: id.cluster, node: id.name };
    }),
  );
