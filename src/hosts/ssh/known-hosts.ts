import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { writeAtomically } from '../local/local-host.ts';
import { knownHostsName, type SshTarget } from './ssh-target.ts';

/** What decides whether a host is the one that is meant. */
export interface HostKeys {
  /** Key types by which the host is known: asked for first, so that the server shows a key that can be compared. */
  typesOf(target: SshTarget): Promise<string[]>;
  /** Resolves when `key` (as it travels in the protocol) belongs to the host. Throws HOST_KEY_MISMATCH. */
  verify(target: SshTarget, key: Buffer): Promise<void>;
}

/**
 * A machine that was given its key when it was made: no other is ever trusted. `publicKeys` are OpenSSH lines; there are two while one takes the
 * other's place.
 */
export const seededHostKey = (...publicKeys: string[]): HostKeys => {
  const seeded = publicKeys.map((line) => Buffer.from(line.split(' ')[1] ?? '', 'base64'));
  return {
    typesOf: async () => [...new Set(publicKeys.map((line) => line.split(' ')[0] ?? ''))],
    verify: async (target, key) => {
      if (seeded.some((known) => key.equals(known))) return;
      const name = knownHostsName(target);
      throw new SlipwayError('HOST_KEY_MISMATCH', {
        tried: `trust ${name}`,
        cause: `it shows ${fingerprint(key)}, and the machine was made with ${seeded.map(fingerprint).join(', ') || 'a key that is not known here'}: another machine has its address`,
      });
    },
  };
};

/** Keys that hosts are known by: those of the user's own known_hosts, and those that Slipway has seen at first use. */
export class KnownHosts implements HostKeys {
  readonly #pinFile: string;
  readonly #files: readonly string[];
  readonly #onFirstUse: (message: string) => void;

  constructor(options: { pinFile: string; files?: readonly string[]; onFirstUse: (message: string) => void }) {
    this.#pinFile = options.pinFile;
    this.#files = options.files ?? [join(homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'];
    this.#onFirstUse = options.onFirstUse;
  }

  async typesOf(target: SshTarget): Promise<string[]> {
    return [...new Set((await this.#entriesOf(target)).map((entry) => entry.type))];
  }

  /**
   * Resolves when `key` (as it travels in the protocol) belongs to the host, remembering it at first use. Throws HOST_KEY_MISMATCH,
   * also for a key that is marked as revoked.
   */
  async verify(target: SshTarget, key: Buffer): Promise<void> {
    const entries = await this.#entriesOf(target);
    const same = entries.filter((entry) => entry.key.equals(key));
    if (same.length && !same.some((entry) => entry.revoked)) return;
    const name = knownHostsName(target);
    if (entries.length)
      throw new SlipwayError('HOST_KEY_MISMATCH', {
        tried: `trust ${name}`,
        cause: `it shows ${fingerprint(key)}, but is known by ${entries.map((entry) => fingerprint(entry.key)).join(', ')}`,
        advice: [`ssh-keygen -R ${name}   # only when you know why the key has changed`, `ssh-keygen -R ${name} -f ${this.#pinFile}`],
      });
    await mkdir(dirname(this.#pinFile), { recursive: true, mode: 0o700 });
    await appendFile(this.#pinFile, `${name} ${keyType(key)} ${key.toString('base64')}\n`, { mode: 0o600 });
    this.#onFirstUse(`${name} is trusted from now on by its key ${fingerprint(key)}`);
  }

  /** Makes `publicKey` (a line of OpenSSH's) the one that the host is known by, in place of what was remembered of that address before. */
  async pin(target: SshTarget, publicKey: string): Promise<void> {
    const [type = '', key = ''] = publicKey.split(' ');
    const line = `${knownHostsName(target)} ${type} ${key}`;
    const lines = (await readFile(this.#pinFile, 'utf8').catch(() => '')).split('\n').filter(Boolean);
    const others = lines.filter((known) => !known.startsWith(`${knownHostsName(target)} `));
    if (others.length === lines.length - 1 && lines.includes(line)) return;
    await mkdir(dirname(this.#pinFile), { recursive: true, mode: 0o700 });
    await writeAtomically(this.#pinFile, `${[...others, line].join('\n')}\n`, 0o600);
  }

  /** The keys that a host is known by, as lines for `pin`. */
  async keysOf(target: SshTarget): Promise<string[]> {
    const entries = (await this.#entriesOf(target)).filter((entry) => !entry.revoked);
    return entries.map(({ type, key }) => `${type} ${key.toString('base64')}`);
  }

  async #entriesOf(target: SshTarget): Promise<Entry[]> {
    const texts = await Promise.all([this.#pinFile, ...this.#files].map((file) => readFile(file, 'utf8').catch(() => '')));
    return texts
      .flatMap((text) => text.split('\n').flatMap((line) => parseLine(line)))
      .filter((entry) => entry.matches(knownHostsName(target)));
  }
}

interface Entry {
  matches: (name: string) => boolean;
  type: string;
  key: Buffer;
  revoked: boolean;
}

/** One line of a known_hosts file; certificate authorities are not supported and left out. */
const parseLine = (line: string): Entry[] => {
  const words = line.trim().split(/\s+/);
  const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
  const [hosts, type, key] = words;
  if (!hosts || !type || !key || hosts.startsWith('#') || marker === '@cert-authority') return [];
  return [{ matches: hostMatcher(hosts), type, key: Buffer.from(key, 'base64'), revoked: marker === '@revoked' }];
};

const hostMatcher = (hosts: string): ((name: string) => boolean) => {
  const [, one, salt, digest] = hosts.split('|');
  if (hosts.startsWith('|') && one === '1' && salt && digest)
    return (name) => {
      const computed = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
      const stored = Buffer.from(digest, 'base64');
      return stored.length === computed.length && timingSafeEqual(stored, computed);
    };
  const patterns = hosts.split(',').map((pattern) => ({
    negated: pattern.startsWith('!'),
    expression: new RegExp(
      `^${pattern
        .replace(/^!/, '')
        .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '.*')
        .replaceAll('?', '.')}$`,
      'i',
    ),
  }));
  return (name) =>
    patterns.some(({ negated, expression }) => !negated && expression.test(name)) &&
    !patterns.some(({ negated, expression }) => negated && expression.test(name));
};

/** The key's own type name: a length and a text stand at its head. */
const keyType = (key: Buffer): string => key.subarray(4, 4 + key.readUInt32BE(0)).toString();

/** As ssh prints it: `SHA256:...`. */
export const fingerprint = (key: Buffer): string => `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
