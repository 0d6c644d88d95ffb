import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AnyAuthMethod } from 'ssh2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { SshTarget } from './ssh-target.ts';

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/** What is tried to log in, in order. */
export interface Login {
  methods: AnyAuthMethod[];
  /** Key files with a passphrase, which only an agent can use: they are no methods of their own. */
  locked: readonly string[];
}

/**
 * The agent, then key files: the one given, else those that ssh looks for. Throws SSH_AUTH_FAILED where there is nothing to try, naming the key that
 * has a passphrase.
 */
export const loginWith = async (
  target: SshTarget,
  options: { identityFile?: string | undefined; agentSocket?: string | undefined },
): Promise<Login> => {
  const { user: username } = target;
  const paths = options.identityFile ? [expandHome(options.identityFile)] : DEFAULT_KEYS.map((name) => join(homedir(), '.ssh', name));
  const methods: AnyAuthMethod[] = options.agentSocket ? [{ type: 'agent', username, agent: options.agentSocket }] : [];
  const locked: string[] = [];
  for (const path of paths) {
    const key = await readFile(path).catch((error: Error) => {
      if (options.identityFile) throw new SlipwayError('SSH_AUTH_FAILED', { tried: `read the key ${path}`, cause: error });
      return undefined;
    });
    if (!key) continue;
    if (isLockedKey(key.toString('latin1'))) locked.push(path);
    else methods.push({ type: 'publickey', username, key });
  }
  if (methods.length) return { methods, locked };
  const [unlock] = unlocking(locked, options);
  throw new SlipwayError('SSH_AUTH_FAILED', {
    tried: `log in to ${target.host} as ${username}`,
    cause: unlock?.cause ?? 'there is neither an agent nor a key file',
    advice: unlock ? [unlock.advice] : ['ssh-keygen -t ed25519', `ssh-copy-id ${username}@${target.host}`],
  });
};

/** Why keys with a passphrase were of no use, and what makes them so. */
export const unlocking = (
  locked: readonly string[],
  { agentSocket }: { agentSocket?: string | undefined },
): { cause: string; advice: string }[] =>
  locked.map((path) =>
    agentSocket
      ? { cause: `the key ${path} has a passphrase, and is used only where the agent has it`, advice: `ssh-add ${path}` }
      : {
          cause: `the key ${path} has a passphrase, and no agent is running (SSH_AUTH_SOCK is not set)`,
          advice: `eval "$(ssh-agent)" && ssh-add ${path}`,
        },
  );

const expandHome = (path: string): string => (path.startsWith('~/') ? join(homedir(), path.slice(2)) : path);

/** Whether a private key needs a passphrase: OpenSSH's own format names its cipher at the head, PEM says it in words. */
export const isLockedKey = (text: string): boolean => {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----/.exec(text)?.[1];
  if (!body) return /ENCRYPTED/.test(text);
  const bytes = Buffer.from(body, 'base64');
  const offset = 'openssh-key-v1\0'.length;
  return bytes.subarray(offset + 4, offset + 4 + bytes.readUInt32BE(offset)).toString() !== 'none';
};
