import type { ProgressEvent } from '../../base/progress.ts';
import type { Io } from '../io.ts';

/** Work under way, as the provisioning jobs give it: what it says, and how it ends. */
export interface FollowedJob<T> {
  readonly events: AsyncIterable<ProgressEvent>;
  readonly result: Promise<T>;
}

/**
 * Shows what a job says until it ends, and answers its result. On a terminal: a list that is redrawn, on stderr. Off it: one line an
 * event that matters, on stderr. `verbose`: lines on a terminal too, and every detail, for jobs that run a talkative program. JSON: every
 * event and, last, the result, one object a line on stdout (docs/reference/events.md). Throws what the job throws.
 */
export const followJob = async <T>(
  job: FollowedJob<T>,
  { io, json, verbose = false }: { io: Io; json: boolean; verbose?: boolean },
): Promise<T> => {
  // Its failure also ends the events, and is thrown from there.
  job.result.catch(() => {});
  const titles = new Map<string, string>();
  const onTerminal = !json && !verbose && canBeDrawnOn(io);
  const live = onTerminal ? (await import('./task-list.ts')).openTaskList(io) : undefined;
  try {
    for await (const event of job.events) {
      if (event.type === 'step-started') titles.set(event.step, event.title);
      if (json) io.out(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
      else if (live) live.show(event);
      else if (verbose && event.type === 'step-detail') io.err(`${event.detail}\n`);
      else io.err(plainLine(event, titles));
    }
  } finally {
    await live?.end();
  }
  const result = await job.result;
  if (json) io.out(`${JSON.stringify({ time: new Date().toISOString(), type: 'result', ...(result ?? {}) })}\n`);
  return result;
};

/** Terminals without a size (a pty that nobody set up) get plain lines: nothing can be placed on them. */
const canBeDrawnOn = ({ stderr, env }: Io): boolean =>
  Boolean(stderr.isTTY && stderr.columns && stderr.rows && !env['CI'] && env['TERM'] !== 'dumb');

const plainLine = (event: ProgressEvent, titles: ReadonlyMap<string, string>): string => {
  // Steps that run on several nodes at once are told apart by the node.
  const where = 'node' in event && event.node ? ` on ${event.node}` : '';
  switch (event.type) {
    case 'step-done':
      return `ok      ${titles.get(event.step)}${where}${event.changed ? '' : ': unchanged'}${event.milliseconds ? ` (${(event.milliseconds / 1000).toFixed(2)} s)` : ''}\n`;
    case 'step-skipped':
      return `skipped ${event.title}${where}: ${event.reason}\n`;
    case 'step-failed':
      return `failed  ${titles.get(event.step)}${where}: ${event.reason}\n`;
    case 'note':
      return `${event.message}\n`;
    case 'warning':
      return `warning: ${event.message}\n`;
    default:
      return '';
  }
};
