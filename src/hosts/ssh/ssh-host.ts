import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { dirname } from 'node:path';
import { createGzip } from 'node:zlib';
import { shellQuote } from '../../base/templates/template.ts';
import type { Host, RunOptions, RunResult } from '../host.ts';
import { fileDigest } from '../local/local-host.ts';
import { commandFailed } from '../local/run-process.ts';
import { detectServices } from '../services/detect-services.ts';
import { SshConnection, type SshOptions } from './ssh-connection.ts';

/** Exit code by which a script of ours says that a file is absent. */
const ABSENT = 44;

/** A machine that is reached over SSH. Commands run as root: with sudo for another user, who must need no password for it. */
export const createSshHost = async (options: SshOptions & { name: string }): Promise<Host> => {
  const connection = new SshConnection(options);
  const prefix = options.target.user === 'root' ? '' : 'sudo -n -- ';
  const asRoot = (command: readonly string[]): string => prefix + command.map(shellQuote).join(' ');
  const script = (text: string): string => asRoot(['sh', '-c', text]);

  const run = async (
    command: readonly string[],
    { input, check = true, timeoutMs, signal, env = {} }: RunOptions = {},
  ): Promise<RunResult> => {
    const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const line = asRoot([
      'env',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'LANG=C.UTF-8',
      ...assignments,
      ...command,
    ]);
    const raw = await connection.exec(line, {
      ...(input === undefined ? {} : { input }),
      ...(signal ? { signal } : {}),
      ...(timeoutMs ? { timeoutMs } : {}),
    });
    const result = { exitCode: raw.exitCode, stdout: raw.stdout.toString(), stderr: raw.stderr.toString() };
    if (check && result.exitCode !== 0) throw commandFailed(command, options.name, result);
    return result;
  };

  const exec = async (text: string, input?: string | Uint8Array | NodeJS.ReadableStream): Promise<Buffer> => {
    const raw = await connection.exec(script(text), input === undefined ? {} : { input: input as never });
    if (raw.exitCode !== 0 && raw.exitCode !== ABSENT)
      throw commandFailed(['sh', '-c', text.split('\n')[0] ?? ''], options.name, {
        exitCode: raw.exitCode,
        stdout: '',
        stderr: raw.stderr.toString(),
      });
    return raw.exitCode === ABSENT ? ABSENT_MARK : raw.stdout;
  };

  const host = {
    name: options.name,
    run,
    readFile: async (path: string) => {
      const content = await exec(`[ -e ${shellQuote(path)} ] || exit ${ABSENT}; exec cat ${shellQuote(path)}`);
      return content === ABSENT_MARK ? undefined : content;
    },
    writeFile: async (path: string, content: string | Uint8Array, { mode }: { mode: number }) => {
      const said = await exec(receiveScript({ path, mode, read: 'cat' }), content);
      return { changed: said.toString().trim() === 'changed' };
    },
    copyFile: async (localPath: string, path: string, { mode }: { mode: number }) => {
      const [digest, there] = await Promise.all([
        fileDigest(localPath),
        exec(`[ -e ${shellQuote(path)} ] || exit ${ABSENT}; sha256sum ${shellQuote(path)}; stat -c %a ${shellQuote(path)}`),
      ]);
      if (
        there.toString().startsWith(digest) &&
        there
          .toString()
          .trim()
          .endsWith(`\n${mode.toString(8)}`)
      )
        return { changed: false };
      await exec(receiveScript({ path, mode, read: 'gzip -dc' }), createReadStream(localPath).pipe(createGzip({ level: 1 })));
      return { changed: true };
    },
    close: () => connection.close(),
  };
  try {
    return { ...host, services: await detectServices(host) };
  } catch (error) {
    await connection.close();
    throw error;
  }
};

const ABSENT_MARK = Buffer.alloc(0);

/** Takes a file from stdin, beside its place and private at first, and says whether it differs from what was there. */
const receiveScript = ({ path, mode, read }: { path: string; mode: number; read: string }): string => {
  const octal = mode.toString(8);
  return `set -e; at=${shellQuote(path)} beside=${shellQuote(`${path}.${randomBytes(4).toString('hex')}`)}; mkdir -p ${shellQuote(dirname(path))}
trap 'rm -f "$beside"' EXIT
umask 077; ${read} > "$beside"; chmod ${octal} "$beside"
if [ -e "$at" ] && cmp -s "$beside" "$at" && [ "$(stat -c %a "$at")" = ${octal} ]; then echo same; else mv -f "$beside" "$at"; echo changed; fi`;
};
