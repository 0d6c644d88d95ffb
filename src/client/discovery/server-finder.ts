import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Component } from '../../base/async/component.ts';
import { replaceFile } from '../../base/files/replace-file.ts';
import type { Logger } from '../../base/log/logger.ts';
import { findApiServers } from './find-api-servers.ts';

export interface ServerFinderOptions {
  /** As they were installed. */
  configured: readonly string[];
  /** Where what was found is remembered over restarts. */
  file: string;
  trustPem: () => string;
  /** Hands over the servers to use, the likeliest first. */
  use: (servers: readonly string[]) => void;
  log: Logger;
  find?: typeof findApiServers;
}

const MOST_REMEMBERED = 4;
/** Between two questions while nobody answers. */
const AGAIN_MS = 2000;

/** Finds API servers that have moved: asks the network once none of the known ones is reached, until one is. */
export class ServerFinder implements Component {
  readonly name = 'server-finder';
  readonly #options: Required<ServerFinderOptions>;
  readonly #abort = new AbortController();
  #found: readonly string[];
  #search: Promise<void> | undefined;

  constructor(options: ServerFinderOptions) {
    this.#options = { find: findApiServers, ...options };
    this.#found = remembered(options.file);
  }

  /** Those found last, then the configured ones. */
  get servers(): string[] {
    return [...new Set([...this.#found, ...this.#options.configured])];
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#search;
  }

  /** To be called when no server is reached; a search under way is not doubled. */
  lost(): void {
    if (this.#abort.signal.aborted) return;
    this.#search ??= this.#look().finally(() => {
      this.#search = undefined;
    });
  }

  async #look(): Promise<void> {
    const { signal } = this.#abort;
    const { find, log, trustPem, use, file } = this.#options;
    const found = await find({ trustPem: trustPem(), signal }).catch((error: unknown) => {
      log.debug('API servers could not be searched for', { error });
      return [];
    });
    if (signal.aborted) return;
    if (found.length && found.some((url) => !this.servers.includes(url))) {
      log.info('API servers are found at other addresses', { servers: found });
      this.#found = found.slice(0, MOST_REMEMBERED);
      use(this.servers);
      await replaceFile(file, `${JSON.stringify(this.#found)}\n`, { mode: 0o600 }).catch((error: unknown) =>
        log.warn('found API servers could not be remembered', { error }),
      );
    }
    await delay(AGAIN_MS, undefined, { signal }).catch(() => {});
  }
}

const remembered = (file: string): string[] => {
  try {
    const urls = JSON.parse(readFileSync(file, 'utf8')) as unknown;
    return Array.isArray(urls) ? urls.filter((url) => typeof url === 'string') : [];
  } catch {
    // Nothing was ever found, which is the usual case.
    return [];
  }
};
