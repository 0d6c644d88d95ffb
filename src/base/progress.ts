/**
 * What a long job (up, down, node add, image load) says while it works. The job is an async generator of these events:
 *
 *   async function* up(...): AsyncGenerator<ProgressEvent> {
 *     yield { type: 'step-started', step: 'machines', title: 'Making 2 machines' };
 *     yield { type: 'step-detail', step: 'machines', detail: 'demo-1 has an address' };
 *     yield { type: 'step-done', step: 'machines', changed: true };
 *   }
 *
 * and a command shows them with `followJob(job, ...)` of cli/progress/follow-job.ts: a live list on a terminal, one plain line
 * an event off it, one JSON object a line with `-o json` (with `time` added; these names are a stable interface).
 * A job fails by throwing (after a `step-failed`), not by ending early; leaving the loop early (Ctrl-C) calls its `finally` blocks.
 * Steps may overlap: every event names its step. The same step may run on several nodes at once, told apart by `node`.
 * A job that calls back instead of yielding can push into `createProgressQueue()`.
 */
export type ProgressEvent =
  | { type: 'step-started'; step: string; title: string; node?: string | undefined }
  /** What the step is about just now; replaces the detail before it on a terminal. */
  | { type: 'step-detail'; step: string; detail: string; node?: string | undefined }
  /** `changed` false: all was as it should be already. */
  | { type: 'step-done'; step: string; changed: boolean; node?: string | undefined; milliseconds?: number | undefined }
  | { type: 'step-skipped'; step: string; title: string; reason: string; node?: string | undefined }
  | { type: 'step-failed'; step: string; reason: string; node?: string | undefined }
  /** A sentence for the reader that belongs to no step. */
  | { type: 'note'; message: string }
  | { type: 'warning'; message: string };

export interface ProgressQueue {
  push(event: ProgressEvent): void;
  /** Ends the iteration; with an error, the iteration throws it after the events before it. */
  end(error?: unknown): void;
  readonly events: AsyncIterable<ProgressEvent>;
}

/** Turns calls into an iterable, for jobs whose parts report by callback. Bounded by the job itself: events are few and small. */
export const createProgressQueue = (): ProgressQueue => {
  const waiting: ProgressEvent[] = [];
  let ended: { error?: unknown } | undefined;
  let wake = (): void => {};
  return {
    push: (event) => {
      waiting.push(event);
      wake();
    },
    end: (error) => {
      ended ??= error === undefined ? {} : { error };
      wake();
    },
    events: {
      async *[Symbol.asyncIterator]() {
        while (true) {
          const event = waiting.shift();
          if (event) yield event;
          else if (ended) {
            if ('error' in ended) throw ended.error;
            return;
          } else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      },
    },
  };
};
