import type { Logger } from '../base/log/logger.ts';
import type { Store } from './store.ts';

export interface HistoryBounds {
  /** History that is older is forgotten. */
  maxAgeMs: number;
  /** However young: more events than this are not kept. */
  maxEvents: number;
}

/** Five minutes, as upstream's API server has etcd compact: a watcher may be away, and a continue token be used, for so long. */
export const DEFAULT_HISTORY: HistoryBounds = { maxAgeMs: 300_000, maxEvents: 50_000 };

const CHECK_INTERVAL_MS = 30_000;

/** Compacts a store now and then, so that its log stays bounded. Returns the function that stops it. */
export const startAutoCompaction = (store: Store, options: { log: Logger; bounds?: HistoryBounds; now?: () => number }): (() => void) => {
  const { log, bounds = DEFAULT_HISTORY, now = Date.now } = options;
  const samples: { at: number; revision: number }[] = [];
  let running = false;

  const check = async (): Promise<void> => {
    if (running) return;
    running = true;
    try {
      const at = now();
      samples.push({ at, revision: store.revision });
      let target = store.revision - bounds.maxEvents;
      while (samples[0] && at - samples[0].at >= bounds.maxAgeMs) target = Math.max(target, samples.shift()?.revision ?? 0);
      if (target > 1 && target > (await store.status()).compactedRevision) await store.compact(target);
    } catch (error) {
      // Tried again at the next check: nothing but disk space depends on it.
      log.warn('compaction of the store failed', { error });
    } finally {
      running = false;
    }
  };
  const timer = setInterval(() => void check(), CHECK_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
};
