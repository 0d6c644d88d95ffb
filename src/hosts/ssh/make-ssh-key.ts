import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import ssh2 from 'ssh2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { writeAtomically } from '../local/local-host.ts';

export interface SshKeyPair {
  /** OpenSSH's own format, without a passphrase. */
  privateKey: string;
  /** One line: `ssh-ed25519 AAAA... comment`. */
  publicKey: string;
}

export const makeSshKey = (comment: string): SshKeyPair => {
  for (;;) {
    const made = ssh2.utils.generateKeyPairSync('ed25519', { comment });
    if (isWhole(made.public)) return { privateKey: made.private, publicKey: made.public };
  }
};

/** ssh2 leaves out a leading zero: one key of 256 is a byte short, and neither OpenSSH nor a cloud takes it. */
const isWhole = (line: string): boolean => Buffer.from(line.split(' ')[1] ?? '', 'base64').length === ED25519_BYTES;

/** The name of the type and the 32 bytes of the key, each with its length before it. */
const ED25519_BYTES = 4 + 'ssh-ed25519'.length + 4 + 32;

/** The pair in `path` and `path.pub`; made, with the private one readable to its owner only, when it is not there. Throws STATE_CORRUPT. */
export const keepSshKey = async (path: string, comment: string): Promise<SshKeyPair> => {
  const there = await readSshKey(path);
  if (there) return there;
  const pair = makeSshKey(comment);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeAtomically(`${path}.pub`, `${pair.publicKey}\n`, 0o644);
  // Last: a key that is there has its public half beside it.
  await writeAtomically(path, pair.privateKey, 0o600);
  return pair;
};

const readSshKey = async (path: string): Promise<SshKeyPair | undefined> => {
  const privateKey = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (privateKey === undefined) return undefined;
  const parsed = ssh2.utils.parseKey(privateKey);
  if (parsed instanceof Error) throw new SlipwayError('STATE_CORRUPT', { tried: `read the key ${path}`, cause: parsed });
  return { privateKey, publicKey: `${parsed.type} ${parsed.getPublicSSH().toString('base64')} ${parsed.comment}`.trim() };
};
