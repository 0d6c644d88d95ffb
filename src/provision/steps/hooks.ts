import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { ClusterContext } from '../cluster-context.ts';
import type { HooksSpec } from '../spec/cluster-spec.ts';
import type { Step } from './step.ts';

/** Commands of the cluster file that run before anything is made or changed. */
export const beforeUp: Step<ClusterContext> = {
  name: 'before-up',
  title: 'Running hooks before up',
  needs: [],
  wanted: (context) => commandsOf(context.spec.hooks, 'beforeUp').length > 0,
  apply: (context, report) => runOf(context, 'beforeUp', report),
};

/** And those that run when all is ready. */
export const afterUp: Step<ClusterContext> = {
  name: 'after-up',
  title: 'Running hooks after up',
  needs: ['nodes-ready', 'default-storage-class', 'manifests', 'demo-answers', 'later-images', 'workloads-ready'],
  wanted: (context) => commandsOf(context.spec.hooks, 'afterUp').length > 0,
  apply: (context, report) => runOf(context, 'afterUp', report),
};

const runOf = async (context: ClusterContext, moment: string, report: (detail: string) => void): Promise<{ changed: boolean }> => {
  await runHooks(context.spec.hooks, moment, {
    cluster: context.spec.name,
    kubeconfig: join(context.folder.path, 'kubeconfig'),
    signal: context.signal,
    report,
  });
  return { changed: false };
};

export const commandsOf = (hooks: HooksSpec | undefined, moment: string): readonly string[] => hooks?.commands[moment] ?? [];

const LAST_LINES = 10;

/** Runs the commands of a moment, one after the other. Throws COMMAND_FAILED for the first one that fails, with its last lines. */
export const runHooks = async (
  hooks: HooksSpec | undefined,
  moment: string,
  options: { cluster: string; kubeconfig: string; signal?: AbortSignal | undefined; report: (detail: string) => void },
): Promise<void> => {
  for (const command of commandsOf(hooks, moment)) {
    const lines: string[] = [];
    const child = spawn('sh', ['-c', command], {
      cwd: hooks?.folder,
      env: { ...process.env, SLIPWAY_CLUSTER: options.cluster, KUBECONFIG: options.kubeconfig },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.signal ? { signal: options.signal } : {}),
    });
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        options.report(line);
        lines.push(line);
        if (lines.length > LAST_LINES) lines.shift();
      });
    const ended = await new Promise<number | string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, signal) => resolve(code ?? signal ?? ''));
    });
    if (ended === 0) continue;
    throw new SlipwayError('COMMAND_FAILED', {
      tried: `run the hook ${moment} (${command}) in ${hooks?.folder}`,
      cause: typeof ended === 'number' ? `it ended with code ${ended}` : ended,
      logLines: lines,
      advice: [`cd ${hooks?.folder} && sh -c '${command}'`],
    });
  }
};
