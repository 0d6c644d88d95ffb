import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import { lastWords } from '../../hosts/services/last-words.ts';

export interface WaitOptions {
  signal: AbortSignal;
  timeoutMs: number;
  /** The end of "cannot ...". */
  tried: string;
  /** Where the reason would be written: the last lines of this service go into the error. */
  logs?: ServiceOfHost | undefined;
  advice?: readonly string[];
}

interface ServiceOfHost {
  host: Host;
  service: string;
}

/**
 * Asks until the answer is other than undefined. `attempt` may throw: the last error becomes the reason when time is up. Waits 15 ms
 * between attempts, as each of them waits for a real answer itself. A service that is down though it should run ends the waiting early.
 */
export const waitFor = async <T>(attempt: () => Promise<T | undefined>, options: WaitOptions): Promise<T> => {
  const { logs } = options;
  return logs ? whileServiceLives((signal) => asking(attempt, { ...options, signal }), { ...options, logs }) : asking(attempt, options);
};

const asking = async <T>(attempt: () => Promise<T | undefined>, options: WaitOptions): Promise<T> => {
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
    if (Date.now() > deadline)
      throw await failure(
        options,
        `not within ${options.timeoutMs / 1000} s${last instanceof Error ? ` (last answer: ${last.message})` : ''}`,
      );
    await delay(15, undefined, { signal: options.signal });
  }
};

/**
 * Work that needs a service which was started a moment ago: given up, with the service's last lines as the reason, when that is found down again and
 * again. `work` should end when its signal aborts.
 */
export const whileServiceLives = async <T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: Pick<WaitOptions, 'signal' | 'tried' | 'advice'> & { logs: ServiceOfHost },
): Promise<T> => {
  const over = new AbortController();
  const crash = watchForCrash(options.logs, over.signal).then(async () =>
    Promise.reject(await failure(options, 'its service ends again and again')),
  );
  const working = work(AbortSignal.any([options.signal, over.signal]));
  // Of the two, the one that loses is not waited for, and what it says no more heard.
  for (const promise of [crash, working]) promise.catch(() => {});
  try {
    return await Promise.race([working, crash]);
  } finally {
    over.abort();
  }
};

const CRASH_LOOK_MS = 500;
const CRASH_LOOKS = 6;

/** Looks now and then; resolves once the service was found down several times. Rejects when `signal` aborts. */
const watchForCrash = async ({ host, service }: ServiceOfHost, signal: AbortSignal): Promise<void> => {
  for (let found = 0; ; ) {
    await delay(CRASH_LOOK_MS, undefined, { signal });
    const status = await host.services.status(service).catch(() => 'running');
    found += status === 'failed' ? 1 : 0;
    if (found >= CRASH_LOOKS) return;
  }
};

export const failure = async (
  { tried, logs, advice }: Pick<WaitOptions, 'tried' | 'logs' | 'advice'>,
  cause: string,
): Promise<SlipwayError> =>
  new SlipwayError('STEP_FAILED', {
    tried,
    cause,
    logLines: logs && lastWords(await logs.host.services.logLines(logs.service, LINES_READ).catch(() => []), 10),
    advice,
  });

/** More than are shown: a program that dies again and again says the same each time. */
const LINES_READ = 60;
