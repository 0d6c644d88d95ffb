/** Runs jobs, some at a time, in order; no more than `waiting` may wait. Jobs deal with their own errors. */
export class BoundedPool {
  readonly #limits: { parallel: number; waiting: number };
  readonly #waiting: (() => Promise<void>)[] = [];
  #next = 0;
  #running = 0;
  #stopped = false;

  constructor(limits: { parallel: number; waiting: number }) {
    this.#limits = limits;
  }

  /** False when too many wait, or it is stopped: the job will not run. */
  add(job: () => Promise<void>): boolean {
    if (this.#stopped || this.#waiting.length - this.#next >= this.#limits.waiting) return false;
    this.#waiting.push(job);
    this.#pump();
    return true;
  }

  /** Those that wait are forgotten. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.length = 0;
    this.#next = 0;
  }

  #pump(): void {
    while (this.#running < this.#limits.parallel && this.#next < this.#waiting.length) {
      const job = this.#waiting[this.#next] as () => Promise<void>;
      this.#next += 1;
      if (this.#next === this.#waiting.length) {
        this.#waiting.length = 0;
        this.#next = 0;
      }
      this.#running += 1;
      void job().finally(() => {
        this.#running -= 1;
        this.#pump();
      });
    }
  }
}
