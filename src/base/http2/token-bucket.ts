/** Allows so many at once and so many each second from then on. */
export class TokenBucket {
  readonly #options: { burst: number; perSecond: number; now: () => number };
  #tokens: number;
  #at: number;

  /** `now` in milliseconds. */
  constructor(options: { burst: number; perSecond: number; now: () => number }) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#at = options.now();
  }

  /** Whether one more is allowed. */
  take(): boolean {
    const { burst, perSecond, now } = this.#options;
    const at = now();
    this.#tokens = Math.min(burst, this.#tokens + ((at - this.#at) / 1000) * perSecond);
    this.#at = at;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
