import { createProgressQueue, type ProgressEvent } from '../../base/progress.ts';

/** Long work under way: what it says, and how it ends. `events` ends, or throws, when `result` does. */
export interface Job<T> {
  readonly events: AsyncIterable<ProgressEvent>;
  readonly result: Promise<T>;
}

export const startJob = <T>(work: (push: (event: ProgressEvent) => void) => Promise<T>): Job<T> => {
  const queue = createProgressQueue();
  const result = work(queue.push);
  result.then(
    () => queue.end(),
    (error: unknown) => queue.end(error),
  );
  return { events: queue.events, result };
};
