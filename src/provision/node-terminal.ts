import { spawn } from 'node:child_process';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { MachineId } from '../drivers/driver.ts';
import { openDrivers } from './cluster-drivers.ts';
import { requireNode } from './jobs/power.ts';
import { ClusterStateFolder } from './state/cluster-state.ts';

/**
 * Runs a command on a node as root, or a shell when there is none, with this process's terminal. Needs no lock: looking at a node is possible while
 * something works on it. Answers the exit code.
 */
export const nodeTerminal = async (id: MachineId, command: readonly string[]): Promise<number> => {
  const folder = new ClusterStateFolder(id.cluster);
  const state = await folder.require();
  const node = requireNode(state, id.name);
  const driver = await openDrivers(state.spec, { folder, dataDir: state.dataDir }).of(node);
  const machine = await driver.describe(id);
  if (!machine)
    throw new SlipwayError('NODE_UNKNOWN', {
      tried: `open a terminal on ${id.name}`,
      cause: 'it has no machine',
      advice: ['slipway node list'],
    });
  const [program = '', ...args] = await driver.terminal(machine, command);
  const child = spawn(program, args, { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(
        new SlipwayError('COMMAND_FAILED', {
          tried: `run ${program}`,
          cause: error,
          advice: program === 'ssh' ? ['apt-get install openssh-client'] : [],
        }),
      ),
    );
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
  });
};
