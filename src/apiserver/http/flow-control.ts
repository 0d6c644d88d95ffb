import { statusError } from '../../api/meta/status.ts';
import type { UserInfo } from '../../api/transport.ts';

export interface FlowLimits {
  /** Reads under way at once. Watches count only until their first byte. */
  readonly reads: number;
  readonly writes: number;
  /** Waiting for a place, of each sort. */
  readonly queue: number;
  /** How long one may wait. */
  readonly waitMs: number;
}

export const DEFAULT_LIMITS: FlowLimits = { reads: 600, writes: 400, queue: 800, waitMs: 15_000 };

/**
 * Bounds what is under way. Who finds no place waits in a bounded queue, then gets 429 with Retry-After. Administrators and nodes have
 * a lane of their own: an overload by others locks neither out.
 */
export class FlowControl {
  readonly #lanes: Readonly<Record<'read' | 'write', Lane>>;

  constructor(limits: FlowLimits = DEFAULT_LIMITS) {
    this.#lanes = { read: new Lane(limits.reads, limits), write: new Lane(limits.writes, limits) };
  }

  /** Returns the function that gives the place back, or a promise of it; undefined for who needs none. Throws 429. */
  enter(user: UserInfo, isWrite: boolean): (() => void) | Promise<() => void> | undefined {
    if (isExempt(user)) return undefined;
    return (isWrite ? this.#lanes.write : this.#lanes.read).enter();
  }

  get underWay(): { read: number; write: number } {
    return { read: this.#lanes.read.underWay, write: this.#lanes.write.underWay };
  }
}

const isExempt = (user: UserInfo): boolean => user.groups.includes('system:masters') || user.groups.includes('system:nodes');

class Lane {
  underWay = 0;
  readonly #most: number;
  readonly #limits: FlowLimits;
  readonly #waiting: (() => void)[] = [];
  readonly #leave = (): void => {
    const next = this.#waiting.shift();
    if (next) next();
    else this.underWay--;
  };

  constructor(most: number, limits: FlowLimits) {
    this.#most = most;
    this.#limits = limits;
  }

  enter(): (() => void) | Promise<() => void> {
    if (this.underWay < this.#most) {
      this.underWay++;
      return this.#leave;
    }
    if (this.#waiting.length >= this.#limits.queue) throw tooMany();
    return new Promise((resolve, reject) => {
      const go = (): void => {
        clearTimeout(timer);
        resolve(this.#leave);
      };
      const timer = setTimeout(() => {
        const at = this.#waiting.indexOf(go);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(tooMany());
      }, this.#limits.waitMs);
      this.#waiting.push(go);
    });
  }
}

const tooMany = () => statusError(429, 'TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: 1 });
