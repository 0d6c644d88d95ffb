import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { renderTemplate } from '../../base/templates/template.ts';
import type { Host, RunResult } from '../../hosts/host.ts';
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
    logLines: errorsIn(stderr),
    advice: ['df -h /var/lib/slipway'],
  });
};

/** Verifies a snapshot, before anything is stopped. Throws STORE_CORRUPT for one that is damaged or not there. */
export const verifySnapshot = async (host: Host, snapshot: Snapshot): Promise<void> => {
  const { exitCode, stderr } = await runRestore(host, snapshot, { always: true, mode: 'check' });
  if (exitCode === 0) return;
  throw new SlipwayError('STORE_CORRUPT', {
    tried: `put the store of ${host.name} back to what it was`,
    cause: `its snapshot ${snapshot.path} is damaged or gone; nothing was changed`,
    logLines: errorsIn(stderr),
    advice: ['slipway upgrade --rollback   # without --restore-store: the store stays as it is'],
  });
};

/** Puts it in the store's place when that has another layout by now, or `always`. The server must be stopped. Answers whether it did. */
export const restoreSnapshot = async (host: Host, snapshot: Snapshot, options: { always: boolean }): Promise<boolean> => {
  const { exitCode, stdout, stderr } = await runRestore(host, snapshot, { ...options, mode: 'restore' });
  if (exitCode === 0) return stdout.trim() === 'restored';
  throw new SlipwayError('STEP_FAILED', {
    tried: `put the store of ${host.name} back to what it was`,
    cause: 'the version of before cannot read the store as it is now, and its snapshot could not be put there',
    logLines: errorsIn(stderr),
    advice: ['df -h /var/lib/slipway', 'slipway upgrade   # forth again, with the newer program'],
  });
};

const runRestore = (host: Host, snapshot: Snapshot, { always, mode }: { always: boolean; mode: 'check' | 'restore' }): Promise<RunResult> =>
  host.run(
    [
      NODE_PATHS.node,
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      renderTemplate('snapshot/restore', {}),
      STORE,
      snapshot.path,
      always ? 'always' : String(snapshot.format),
      mode,
    ],
    { check: false, timeoutMs: 600_000 },
  );

/** Of what Node.js prints when a script throws, what the error says; all of it where nothing looks like one. */
const errorsIn = (stderr: string): string[] => {
  const lines = stderr.split('\n').filter(Boolean);
  const errors = lines.filter((line) => /^\w*Error\b.*: /.test(line));
  return errors.length ? errors : lines.slice(-5);
};
