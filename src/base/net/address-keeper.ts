import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Component } from '../async/component.ts';
import { replaceFile } from '../files/replace-file.ts';
import type { Logger } from '../log/logger.ts';
import { followAddress, type Link, linksNow, type OwnAddress } from './own-address.ts';

export interface AddressKeeperOptions {
  /** As it was installed. */
  configured: string;
  /** Where it is remembered over restarts. */
  file: string;
  log: Logger;
  /** Called once a new address has been seen twice in a row. */
  moved?: (change: { from: string; to: string }) => void;
  links?: () => readonly Link[];
  lookMs?: number;
}

const LOOK_MS = 2000;

/**
 * Knows at which address this machine is reached, from before the first connection and while it runs: what it was installed with, what it was
 * the last time, and what its devices have now.
 */
export class AddressKeeper implements Component {
  readonly name = 'address';
  /** Where the machine was before this start; undefined when it has not moved. */
  readonly former: string | undefined;
  readonly #options: Required<Omit<AddressKeeperOptions, 'moved'>> & Pick<AddressKeeperOptions, 'moved'>;
  readonly #abort = new AbortController();
  #known: OwnAddress;
  #loop: Promise<void> | undefined;

  /** Looks at once: `current` is right from the beginning. */
  constructor(options: AddressKeeperOptions) {
    this.#options = { links: linksNow, lookMs: LOOK_MS, ...options };
    const before = remembered(options.file);
    this.#known = followAddress(before, options.configured, this.#options.links());
    const last = before?.configured === options.configured ? before.address : options.configured;
    this.former = last === this.#known.address ? undefined : last;
  }

  get current(): string {
    return this.#known.address;
  }

  async start(): Promise<void> {
    await this.#remember();
    if (this.former) this.#options.log.info('this machine has another address than the last time', { from: this.former, to: this.current });
    this.#loop = this.#follow();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#abort;
    let seen: string | undefined;
    while (!signal.aborted) {
      await delay(this.#options.lookMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const next = followAddress(this.#known, this.#options.configured, this.#options.links());
      const isOther = next.address !== this.#known.address;
      // While a lease is renewed, an address may be away for a moment.
      const isSure = isOther && seen === next.address;
      seen = isOther ? next.address : undefined;
      if (isOther && !isSure) continue;
      const from = this.#known.address;
      const isNewLink = next.link !== this.#known.link;
      this.#known = next;
      if (isOther || isNewLink) await this.#remember();
      if (!isOther) continue;
      this.#options.log.info('the address of this machine has changed', { from, to: next.address });
      this.#options.moved?.({ from, to: next.address });
    }
  }

  async #remember(): Promise<void> {
    try {
      await mkdir(dirname(this.#options.file), { recursive: true });
      await replaceFile(this.#options.file, `${JSON.stringify(this.#known)}\n`, { mode: 0o600 });
    } catch (error) {
      // A full disk: it is found out anew at the next start.
      this.#options.log.warn('the address of this machine could not be remembered', { error });
    }
  }
}

const remembered = (file: string): OwnAddress | undefined => {
  try {
    const known = JSON.parse(readFileSync(file, 'utf8')) as OwnAddress;
    return typeof known.address === 'string' && typeof known.link === 'string' ? known : undefined;
  } catch {
    // The first start, or a file that a power failure damaged.
    return undefined;
  }
};
