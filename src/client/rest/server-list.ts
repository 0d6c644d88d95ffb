/**
 * Remembers which of several API servers answered last and which failed, so that a dead one costs a call once, not every time.
 * Pure but for the clock that is handed in.
 */
export class ServerList {
  #servers: { url: string; failedAt: number | undefined }[];
  readonly #now: () => number;
  #preferred = 0;

  constructor(urls: readonly string[], now: () => number) {
    if (urls.length === 0) throw new RangeError('at least one API server is needed');
    this.#servers = urls.map((url) => ({ url: url.replace(/\/+$/, ''), failedAt: undefined }));
    this.#now = now;
  }

  /** The order in which to try: the last that answered, then the others; those that failed in the last 10 s come last. */
  inOrder(): string[] {
    const rotated = [...this.#servers.slice(this.#preferred), ...this.#servers.slice(0, this.#preferred)];
    const ill = (server: { failedAt: number | undefined }): boolean =>
      server.failedAt !== undefined && this.#now() - server.failedAt < FAILURE_MEMORY_MS;
    return [...rotated.filter((server) => !ill(server)), ...rotated.filter(ill)].map((server) => server.url);
  }

  /** Other servers from now on; what is known of those that stay is kept. */
  replace(urls: readonly string[]): void {
    const next = urls.map((url) => url.replace(/\/+$/, ''));
    this.#servers = next.map((url) => this.#servers.find((known) => known.url === url) ?? { url, failedAt: undefined });
    this.#preferred = 0;
  }

  answered(url: string): void {
    const index = this.#servers.findIndex((server) => server.url === url);
    const server = this.#servers[index];
    if (!server) return;
    server.failedAt = undefined;
    this.#preferred = index;
  }

  failed(url: string): void {
    const server = this.#servers.find((candidate) => candidate.url === url);
    if (server) server.failedAt = this.#now();
  }
}

const FAILURE_MEMORY_MS = 10_000;
