import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { Batch } from '../../base/async/batch.ts';
import { Turns } from '../../base/async/turns.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host, RunOptions, RunResult } from '../host.ts';
import { commandFailed } from '../local/run-process.ts';
import { detectServices } from '../services/detect-services.ts';
import { becomeRoot, type Privileges } from './become-root.ts';
import { compressedFile } from './compressed-file.ts';
import { ABSENT, DISK_FULL, digestScript, layScript, receiveScript, type SmallFile } from './file-scripts.ts';
import { SshConnection, type SshOptions } from './ssh-connection.ts';
import type { RawResult } from './ssh-exec.ts';

export interface SshHostOptions extends SshOptions {
  name: string;
  /** Asked for at most once a connection, and only where sudo wants it. */
  sudoPassword?: (() => Promise<string | undefined>) | undefined;
}

/** Larger ones travel alone, as they are. */
const SMALL_BYTES = 64 * 1024;
/** Uploads of large files that one process has under way: more only share the same line and the same processors. */
const MAX_UPLOADS = 16;

/** A machine that is reached over SSH. Commands run as root: with sudo for another user. */
export const createSshHost = async (options: SshHostOptions): Promise<Host> => {
  const connection = new SshConnection(options);
  try {
    const privileges = await becomeRoot(connection, options);
    const session = new RootSession({ name: options.name, connection, privileges });
    const host: Omit<Host, 'services'> = {
      name: options.name,
      run: (command, run) => session.run(command, run),
      readFile: (path) => session.readFile(path),
      writeFile: (path, content, file) => session.writeFile(path, content, file),
      copyFile: (from, path, file) => session.copyFile(from, path, file),
      close: () => connection.close(),
    };
    return Object.assign(host, { services: await detectServices(host) });
  } catch (error) {
    await connection.close();
    throw error;
  }
};

class RootSession {
  readonly name: string;
  readonly #connection: SshConnection;
  readonly #privileges: Privileges;
  /** Small files, and looks at large ones, that are asked for in one turn are one command. */
  readonly #small = new Batch<SmallFile, string>(async (files) =>
    this.#lines(await this.#exec(['sh', '-s'], { input: layScript(files) }), `write ${files.map((file) => file.path).join(', ')}`),
  );
  readonly #digests = new Batch<string, string>(async (paths) =>
    this.#lines(await this.#exec(['sh', '-c', digestScript(paths)]), `look at ${paths.join(', ')}`),
  );

  constructor(options: { name: string; connection: SshConnection; privileges: Privileges }) {
    this.name = options.name;
    this.#connection = options.connection;
    this.#privileges = options.privileges;
  }

  async run(command: readonly string[], { input, check = true, timeoutMs, signal, env = {} }: RunOptions = {}): Promise<RunResult> {
    const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const raw = await this.#exec(['env', PATH, 'LANG=C.UTF-8', ...assignments, ...command], {
      ...(input === undefined ? {} : { input }),
      ...(signal ? { signal } : {}),
      ...(timeoutMs ? { timeoutMs } : {}),
    });
    const result = { exitCode: raw.exitCode, stdout: raw.stdout.toString(), stderr: raw.stderr.toString() };
    if (check && result.exitCode !== 0) throw commandFailed(command, this.name, result);
    return result;
  }

  async readFile(path: string): Promise<Buffer | undefined> {
    const raw = await this.#exec(['sh', '-c', `[ -e "$1" ] || exit ${ABSENT}; exec cat "$1"`, 'sh', path]);
    if (raw.exitCode === ABSENT) return undefined;
    return this.#output(raw, `read ${path}`);
  }

  /** Small files that are asked for in one turn are laid by one command. */
  async writeFile(path: string, content: string | Uint8Array, { mode }: { mode: number }): Promise<{ changed: boolean }> {
    const bytes = Buffer.from(content);
    if (bytes.length > SMALL_BYTES) return this.#receive(receiveScript({ path, mode, read: 'cat' }), bytes, path);
    return { changed: (await this.#small.add({ path, content: bytes, mode })) !== 'same' };
  }

  async copyFile(localPath: string, path: string, { mode }: { mode: number }): Promise<{ changed: boolean }> {
    const [file, there] = await Promise.all([compressedFile(localPath), this.#digests.add(path)]);
    if (there === `${file.digest} ${mode.toString(8)}`) return { changed: false };
    return uploads.run(() =>
      this.#receive(
        receiveScript({ path, mode, read: 'gzip -dc', digest: file.digest }),
        createReadStream(file.path, { highWaterMark: 1 << 18 }),
        path,
      ),
    );
  }

  async #receive(script: string, input: Uint8Array | Readable, path: string): Promise<{ changed: boolean }> {
    const said = this.#output(await this.#exec(['sh', '-c', script], { input }), `write ${path}`);
    return { changed: said.toString().trim() === 'changed' };
  }

  #exec(
    command: readonly string[],
    options: {
      input?: string | Uint8Array | Readable;
      signal?: AbortSignal;
      timeoutMs?: number;
    } = {},
  ): Promise<RawResult> {
    return this.#connection.exec(this.#privileges.line(command), { ...options, head: this.#privileges.head });
  }

  #lines(raw: RawResult, tried: string): string[] {
    return this.#output(raw, tried).toString().trim().split('\n');
  }

  /** Throws DISK_FULL, COMMAND_FAILED. */
  #output(raw: RawResult, tried: string): Buffer {
    if (raw.exitCode === 0) return raw.stdout;
    const [, folder = '', freeKiB = '0'] = /^full (.*) (\d+)$/m.exec(raw.stdout.toString()) ?? [];
    if (raw.exitCode === DISK_FULL)
      throw new SlipwayError('DISK_FULL', {
        tried: `${tried} on ${this.name}`,
        cause: `the file system of ${folder} has ${freeKiB} KiB free`,
        advice: [`df -h ${folder}   # on ${this.name}`],
      });
    throw commandFailed([tried], this.name, { exitCode: raw.exitCode, stdout: '', stderr: raw.stderr.toString() });
  }
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const uploads = new Turns(MAX_UPLOADS);
