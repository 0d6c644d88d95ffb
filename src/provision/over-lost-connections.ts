import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../base/errors/slipway-error.ts';

/** A server of iron takes its time to start. */
const PATIENCE_MS = 180_000;
const PAUSE_MS = 1_000;
const LOSSES = 3;

/**
 * Does idempotent work again when the connection to its host broke: the host may be starting anew. Only a connection that was there is waited
 * for; a host that never answered is said at once. Throws CONNECTION_LOST when it does not come back in three minutes, or is lost again and again.
 */
export const overLostConnections = async <T>(
  work: () => Promise<T>,
  options: { signal?: AbortSignal | undefined; patienceMs?: number; pauseMs?: number } = {},
): Promise<T> => {
  const { patienceMs = PATIENCE_MS, pauseMs = PAUSE_MS } = options;
  let lost: { error: SlipwayError; at: number } | undefined;
  for (let losses = 0; ; ) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SlipwayError)) throw error;
      if (error.code === 'CONNECTION_LOST') {
        losses++;
        lost = { error, at: Date.now() };
        if (losses > LOSSES) throw error;
      } else if (error.code !== 'HOST_UNREACHABLE' || !lost) throw error;
      else if (Date.now() - lost.at > patienceMs)
        throw new SlipwayError('CONNECTION_LOST', {
          tried: lost.error.tried,
          cause: `the connection broke, and the host has not come back in ${patienceMs / 1000} s (${error.reason})`,
          advice: error.advice,
        });
      await delay(pauseMs, undefined, { signal: options.signal });
    }
  }
};
