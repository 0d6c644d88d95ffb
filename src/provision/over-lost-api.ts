import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../base/errors/slipway-error.ts';

const PATIENCE_MS = 120_000;
const PAUSE_MS = 1_000;

/**
 * Does idempotent work again while an API server that has answered before does not: on an emulated machine it may say nothing for longer than a
 * connection waits, and a host may be starting anew. Throws what the last attempt threw when two minutes are over.
 */
export const overLostApi = async <T>(
  work: () => Promise<T>,
  options: { signal?: AbortSignal | undefined; patienceMs?: number; pauseMs?: number } = {},
): Promise<T> => {
  const { signal, patienceMs = PATIENCE_MS, pauseMs = PAUSE_MS } = options;
  const deadline = Date.now() + patienceMs;
  while (true) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SlipwayError) || error.code !== 'CONNECTION_REFUSED' || Date.now() > deadline) throw error;
      await delay(pauseMs, undefined, { signal });
    }
  }
};
