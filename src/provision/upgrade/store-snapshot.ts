import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { renderTemplate } from '../../base/templates/template.ts';
import type { Host } from '../../hosts/host.ts';
import { NODE_PATHS } from '../spec/node-paths.ts';

const STORE = `${NODE_PATHS.data}/store/slipway.db`;
const FOLDER = `${NODE_PATHS.data}/snapshots`;

export interface Snapshot {
  path: string;
  /** Of the file's layout: another one cannot be read by the version that made it. */
  format: number;
}

/** Copies the store and verifies the copy. SQLite's own online backup: the server may run, and what it has acknowledged is in the copy. */
export const takeSnapshot = async (host: Host, name: string): Promise<Snapshot> => {
  const path = `${FOLDER}/${name}.db`;
  const { exitCode, stdout, stderr } = await host.run(
    [
      NODE_PATHS.node,
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      renderTemplate('snapshot/take', {}),
      STORE,
      path,
    ],
    { check: false, timeoutMs: 600_000 },
  );
  const format = Number(stdout.trim());
  if (exitCode === 0 && Number.isInteger(format) && stdout.trim() !== '') return { path, format };
  throw new SlipwayError('STEP_FAILED', {
    tried: `take a snapshot of the store on ${host.name}`,
    cause: 'the copy could not be made or is not whole',
    logLines: stderr.split('\n').filter(Boolean).slice(-5),
    advice: ['df -h /var/lib/slipway'],
  });
};

/** Puts a snapshot in the store's place when the store has another layout by now, or `always`. The server must be stopped. Answers whether it did. */
export const restoreSnapshot = async (host: Host, snapshot: Snapshot, options: { always: boolean }): Promise<boolean> => {
  const { stdout } = await host.run([
    NODE_PATHS.node,
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
    '-e',
    renderTemplate('snapshot/restore', {}),
    STORE,
    snapshot.path,
    options.always ? 'always' : String(snapshot.format),
  ]);
  return stdout.trim() === 'restored';
};
