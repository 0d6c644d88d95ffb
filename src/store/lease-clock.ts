/** Ends leases that nobody renews. Deadlines live in memory: after a restart every lease has its whole time again, as in etcd. */
export class LeaseClock {
  readonly #leases = new Map<number, { ttlMs: number; deadline: number }>();
  readonly #expire: (leaseId: number) => void;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #wakesAt = Number.POSITIVE_INFINITY;

  constructor(options: { expire: (leaseId: number) => void; now?: () => number }) {
    this.#expire = options.expire;
    this.#now = options.now ?? Date.now;
  }

  add(leaseId: number, ttlSeconds: number): void {
    const deadline = this.#now() + ttlSeconds * 1000;
    this.#leases.set(leaseId, { ttlMs: ttlSeconds * 1000, deadline });
    if (deadline < this.#wakesAt) this.#schedule();
  }

  /** False when there is no such lease. */
  renew(leaseId: number): boolean {
    const lease = this.#leases.get(leaseId);
    if (lease) lease.deadline = this.#now() + lease.ttlMs;
    return lease !== undefined;
  }

  has(leaseId: number): boolean {
    return this.#leases.has(leaseId);
  }

  remove(leaseId: number): void {
    this.#leases.delete(leaseId);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wakesAt = Number.POSITIVE_INFINITY;
    this.#leases.clear();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wakesAt = Number.POSITIVE_INFINITY;
    if (this.#leases.size === 0) return;
    let nearest = Number.POSITIVE_INFINITY;
    for (const lease of this.#leases.values()) nearest = Math.min(nearest, lease.deadline);
    // Never sooner than a tenth of a second, never later than an hour (timers have 31 bits).
    const delay = Math.min(Math.max(nearest - this.#now(), 100), 3_600_000);
    this.#wakesAt = this.#now() + delay;
    this.#timer = setTimeout(() => this.#tick(), delay);
    this.#timer.unref();
  }

  #tick(): void {
    const now = this.#now();
    for (const [leaseId, lease] of this.#leases) {
      if (lease.deadline > now) continue;
      // Asked again a minute later unless `remove` comes first: a full disk may refuse the deletions now.
      lease.deadline = now + 60_000;
      this.#expire(leaseId);
    }
    this.#schedule();
  }
}
