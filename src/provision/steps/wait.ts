import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';

export interface WaitOptions {
  signal: AbortSignal;
  timeoutMs: number;
  /** The end of "cannot ...". */
  tried: string;
  /** Where the reason would be written: the last lines of this service go into the error. */
  logs?: { host: Host; service: string } | undefined;
  advice?: readonly string[];
}

/**
 * Asks until the answer is other than undefined. `attempt` may throw: the last error becomes the reason when time is up. Waits 15 ms
 * between attempts, as each of them waits for a real answer itself.
 */
export const waitFor = async <T>(attempt: () => Promise<T | undefined>, options: WaitOptions): Promise<T> => {
  const deadline = Date.now() + options.timeoutMs;
  let last: unknown;
  while (true) {
    options.signal.throwIfAborted();
    try {
      const answer = await attempt();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw await timeout(options, last);
    await delay(15, undefined, { signal: options.signal });
  }
};

const timeout = async ({ tried, timeoutMs, logs, advice }: WaitOptions, last: unknown): Promise<SlipwayError> => {
  const reason = last instanceof Error ? last.message : undefined;
  return new SlipwayError('STEP_FAILED', {
    tried,
    cause: `not within ${timeoutMs / 1000} s${reason ? ` (last answer: ${reason})` : ''}`,
    logLines: logs && (await logs.host.services.logLines(logs.service, 10).catch(() => [])),
    advice,
  });
};
