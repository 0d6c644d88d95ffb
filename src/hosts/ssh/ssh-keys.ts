import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AnyAuthMethod } from 'ssh2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { SshTarget } from './ssh-target.ts';

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * What is tried to log in, in order: the agent, then key files (the one given, else those that ssh looks for). A key file with a
 * passphrase can only be used through an agent: where there is none, that is said at once and by name (SSH_AUTH_FAILED).
 */
export const authMethods = async (
  target: SshTarget,
  options: { identityFile?: string | undefined; agentSocket?: string | undefined },
): Promise<AnyAuthMethod[]> => {
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
  if (methods.length) return methods;
  throw new SlipwayError('SSH_AUTH_FAILED', {
    tried: `log in to ${target.host} as ${username}`,
    cause: locked.length
      ? `the key ${locked[0]} has a passphrase, and no agent is running (SSH_AUTH_SOCK is not set)`
      : 'there is neither an agent nor a key file',
    advice: locked.length
      ? [`eval "$(ssh-agent)" && ssh-add ${locked[0]}`]
      : ['ssh-keygen -t ed25519', `ssh-copy-id ${username}@${target.host}`],
  });
};

const expandHome = (path: string): string => (path.startsWith('~/') ? join(homedir(), path.slice(2)) : path);

/** Whether a private key needs a passphrase: OpenSSH's own format names its cipher at the head, PEM says it in words. */
export const isLockedKey = (text: string): boolean => {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----/.exec(text)?.[1];
  if (!body) return /ENCRYPTED/.test(text);
  const bytes = Buffer.from(body, 'base64');
  const offset = 'openssh-key-v1\0'.length;
  return bytes.subarray(offset + 4, offset + 4 + bytes.readUInt32BE(offset)).toString() !== 'none';
};
