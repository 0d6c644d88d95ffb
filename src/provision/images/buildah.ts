import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SlipwayError } from '../../base/errors/slipway-error.ts';

/** The vfs store needs no privileges beyond a user namespace; what is built and what is pulled lies in it. */
const STORE = ['--storage-driver', 'vfs'];
const LAST_LINES = 20;

export interface BuildahOptions {
  /** As the end of "cannot ...". */
  tried: string;
  advice?: readonly string[];
  signal: AbortSignal;
  /** What it says, a line at a time. */
  onLine?: (line: string) => void;
}

/** Throws BUILDER_MISSING where buildah is not installed, COMMAND_FAILED with its last lines when it fails. */
export const runBuildah = async (args: readonly string[], options: BuildahOptions): Promise<void> => {
  const { tried, advice, signal, onLine } = options;
  const child = spawn('buildah', [...STORE, ...args], { stdio: ['ignore', 'pipe', 'pipe'], signal });
  const logLines: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      if (!line.trim()) return;
      onLine?.(line);
      logLines.push(line);
      logLines.splice(0, Math.max(0, logLines.length - LAST_LINES));
    });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on('error', (error: NodeJS.ErrnoException) =>
    reject(
      error.code === 'ENOENT'
        ? new SlipwayError('BUILDER_MISSING', {
            tried,
            cause: 'buildah is not on the PATH',
            advice: ['apt-get install buildah', ...(advice ?? [])],
          })
        : error,
    ),
  );
  child.on('close', resolve);
  const code = await promise;
  if (code !== 0) throw new SlipwayError('COMMAND_FAILED', { tried, cause: `buildah ended with exit code ${code}`, advice, logLines });
};
