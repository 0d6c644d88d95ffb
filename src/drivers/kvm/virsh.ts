import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunResult } from '../../hosts/host.ts';
import { runProcess } from '../../hosts/local/run-process.ts';
import { isBusy, virshError } from './virsh-errors.ts';

export interface VirshOptions {
  /** The end of "cannot ...". */
  tried: string;
  /** An XML document, for commands that are given `XML_INPUT` as their file. */
  xml?: string;
  signal?: AbortSignal | undefined;
}

/** Stands for the file with the document of `VirshOptions.xml`. */
export const XML_INPUT = '{xml}';

/** A storage pool refuses other work while it copies a volume; that of another cluster may take as long as an image is large. */
const BUSY_ATTEMPTS = 120;
const BUSY_DELAY_MS = 500;

export interface VirshPlace {
  /** libvirt's address. */
  uri: string;
  /** Where files lie while virsh reads or writes them: of the cluster's own, so that what a crash leaves goes with it. */
  scratchIn: string;
}

/** libvirt's command line. The one place that runs it. */
export class Virsh {
  readonly uri: string;
  readonly #scratchIn: string;

  constructor({ uri, scratchIn }: VirshPlace) {
    this.uri = uri;
    this.#scratchIn = scratchIn;
  }

  /** What it wrote. Throws what virsh-errors.ts makes of its message. */
  async run(args: readonly string[], options: VirshOptions): Promise<string> {
    const result = await this.#whenFree(args, options);
    if (result.exitCode === 0) return result.stdout;
    throw virshError(result, { uri: this.uri, tried: options.tried });
  }

  /** Undefined when it failed because there is no such domain, network, pool or volume. */
  async find(args: readonly string[], options: VirshOptions): Promise<string | undefined> {
    const result = await this.#whenFree(args, options);
    if (result.exitCode === 0) return result.stdout;
    const error = virshError(result, { uri: this.uri, tried: options.tried });
    if (error.absent) return undefined;
    throw error;
  }

  /** Whether it succeeded, for questions that virsh answers by failing. */
  async succeeds(args: readonly string[]): Promise<boolean> {
    return (await this.#spawn(args, { tried: '' })).exitCode === 0;
  }

  /** Runs `work` with a private folder, which is gone afterwards. */
  async withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
    await mkdir(this.#scratchIn, { recursive: true, mode: 0o700 });
    const folder = await mkdtemp(join(this.#scratchIn, 'virsh-'));
    try {
      return await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #whenFree(args: readonly string[], options: VirshOptions): Promise<RunResult> {
    for (let attempt = 1; ; attempt++) {
      const result = await this.#spawn(args, options);
      if (attempt >= BUSY_ATTEMPTS || result.exitCode === 0 || !isBusy(result.stderr)) return result;
      await delay(BUSY_DELAY_MS, undefined, { signal: options.signal });
    }
  }

  async #spawn(args: readonly string[], options: VirshOptions): Promise<RunResult> {
    const { xml, signal } = options;
    if (xml === undefined) return this.#spawnWith(args, signal);
    // A file, as virsh opens what it is given by name, and the standard input of a child of Node.js cannot be opened.
    return this.withFolder(async (folder) => {
      const file = join(folder, 'document.xml');
      await writeFile(file, xml, { mode: 0o600 });
      return this.#spawnWith(
        args.map((arg) => (arg === XML_INPUT ? file : arg)),
        signal,
      );
    });
  }

  #spawnWith(args: readonly string[], signal: AbortSignal | undefined): Promise<RunResult> {
    const { HOME, XDG_RUNTIME_DIR, SSH_AUTH_SOCK } = process.env;
    return runProcess(['virsh', '--quiet', '--connect', this.uri, ...args], {
      where: 'this host',
      check: false,
      // Messages are told apart by their text, which must not be translated.
      env: { LC_ALL: 'C', ...(HOME && { HOME }), ...(XDG_RUNTIME_DIR && { XDG_RUNTIME_DIR }), ...(SSH_AUTH_SOCK && { SSH_AUTH_SOCK }) },
      ...(signal ? { signal } : {}),
    });
  }
}
