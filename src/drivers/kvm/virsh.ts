import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
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

/** libvirt's command line. The one place that runs it. */
export class Virsh {
  readonly uri: string;

  constructor(uri: string) {
    this.uri = uri;
  }

  /** What it wrote. Throws what virsh-errors.ts makes of its message. */
  async run(args: readonly string[], options: VirshOptions): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      const result = await this.#spawn(args, options);
      if (result.exitCode === 0) return result.stdout;
      if (attempt >= BUSY_ATTEMPTS || !isBusy(result.stderr)) throw virshError(result, { uri: this.uri, tried: options.tried });
      await delay(BUSY_DELAY_MS, undefined, { signal: options.signal });
    }
  }

  /** Undefined when it failed because there is no such domain, network, pool or volume. */
  async find(args: readonly string[], options: VirshOptions): Promise<string | undefined> {
    const result = await this.#spawn(args, options);
    if (result.exitCode === 0) return result.stdout;
    const error = virshError(result, { uri: this.uri, tried: options.tried });
    if (error.absent) return undefined;
    throw error;
  }

  /** Whether it succeeded, for questions that virsh answers by failing. */
  async succeeds(args: readonly string[]): Promise<boolean> {
    return (await this.#spawn(args, { tried: '' })).exitCode === 0;
  }

  async #spawn(args: readonly string[], options: VirshOptions): Promise<RunResult> {
    if (options.xml === undefined) return this.#spawnWith(args, options.signal);
    // A file, as virsh opens what it is given by name, and the standard input of a child of Node.js cannot be opened.
    const folder = await mkdtemp(join(tmpdir(), 'slipway-xml-'));
    try {
      const file = join(folder, 'document.xml');
      await writeFile(file, options.xml, { mode: 0o600 });
      return await this.#spawnWith(
        args.map((arg) => (arg === XML_INPUT ? file : arg)),
        options.signal,
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
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
