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
  const watchdog = options.logs && crashWatch(options.logs);
  let last: unknown;
  while (true) {
    options.signal.throwIfAborted();
    try {
      const answer = await attempt();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    if (await watchdog?.()) throw await failure(options, 'its service ends again and again');
    if (Date.now() > deadline)
      throw await failure(
        options,
        `not within ${options.timeoutMs / 1000} s${last instanceof Error ? ` (last answer: ${last.message})` : ''}`,
      );
    await delay(15, undefined, { signal: options.signal });
  }
};

const CRASH_LOOK_MS = 500;
const CRASH_LOOKS = 6;

/** Looks now and then whether the service is down though it should be up; true once it was found so several times. */
const crashWatch = ({ host, service }: { host: Host; service: string }): (() => Promise<boolean>) => {
  let lookedAt = Date.now();
  let found = 0;
  return async () => {
    if (Date.now() - lookedAt < CRASH_LOOK_MS) return false;
    lookedAt = Date.now();
    const status = await host.services.status(service).catch(() => 'running');
    found += status === 'failed' ? 1 : 0;
    return found >= CRASH_LOOKS;
  };
};

const failure = async ({ tried, logs, advice }: WaitOptions, cause: string): Promise<SlipwayError> =>
  new SlipwayError('STEP_FAILED', {
    tried,
    cause,
    logLines: logs && (await logs.host.services.logLines(logs.service, 10).catch(() => [])),
    advice,
  });
