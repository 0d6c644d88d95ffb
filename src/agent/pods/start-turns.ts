/** A pod's place among those that are being started. */
export interface StartTurn {
  /** The next pod may begin. More than once does nothing. */
  end(): void;
}

/** Who takes longer than that waits for something else than this node's processors. */
const LONGEST_TURN_MS = 5000;

/**
 * Pods are started a few at a time, each from its sandbox to its running containers: started all at once they share the processors, and
 * the first of them runs when the last does. The order is that of asking.
 */
export class StartTurns {
  readonly #most: number;
  readonly #longestMs: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: { most: number; longestMs?: number }) {
    this.#most = options.most;
    this.#longestMs = options.longestMs ?? LONGEST_TURN_MS;
  }

  /** Resolves when it is the pod's turn. A turn that is not ended in time ends by itself. */
  async take(): Promise<StartTurn> {
    if (this.#running < this.#most) this.#running += 1;
    // Whose turn ends hands its place on.
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    };
    const timer = setTimeout(end, this.#longestMs).unref();
    return { end };
  }
}
