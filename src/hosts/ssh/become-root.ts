import { randomBytes } from 'node:crypto';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { shellQuote } from '../../base/templates/template.ts';
import type { SshConnection } from './ssh-connection.ts';
import type { SshTarget } from './ssh-target.ts';

/** How commands run as root on a host. */
export interface Privileges {
  /** A line for the remote shell that runs this command as root. */
  line(command: readonly string[]): string;
  /** What its stdin has to begin with: the password. The command itself never sees it. */
  readonly head: string;
}

/** Exit codes of the script that looks. */
const NO_SUDO = 41;
const WANTS_PASSWORD = 42;
const LOOK = `command -v sudo > /dev/null || exit ${NO_SUDO}; sudo -n true 2> /dev/null || exit ${WANTS_PASSWORD}`;

/**
 * Finds out how to be root: by being root, by sudo without a password, or by sudo with one. Throws SUDO_REFUSED when there is no way, at once
 * and with what mends it. The password travels in stdin only, and is tried once: a wrong one must not lock an account.
 */
export const becomeRoot = async (
  connection: SshConnection,
  options: {
    name: string;
    target: SshTarget;
    sudoPassword?: (() => Promise<string | undefined>) | undefined;
  },
): Promise<Privileges> => {
  const { name, target, sudoPassword } = options;
  if (target.user === 'root') return { line: quoted, head: '' };
  const refused = (cause: string, advice: readonly string[]): SlipwayError =>
    new SlipwayError('SUDO_REFUSED', { tried: `become root on ${name} as ${target.user}`, cause, advice });
  const looked = await connection.exec(LOOK);
  if (looked.exitCode === 0) return { line: (command) => `sudo -n -- ${quoted(command)}`, head: '' };
  const asRoot = `slipway up --host root@${target.host}   # where root may log in`;
  if (looked.exitCode === NO_SUDO)
    throw refused('sudo is not installed there', [`su -c 'apt-get install sudo && adduser ${target.user} sudo'   # on ${name}`, asRoot]);
  const password = await sudoPassword?.();
  if (password === undefined)
    throw refused('sudo asks for a password there, and none is given', [
      'slipway up --ask-sudo-password',
      'SLIPWAY_SUDO_PASSWORD_FILE=FILE slipway up   # a file of mode 0600',
      `echo '${target.user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/${target.user}   # on ${name}, as root`,
    ]);
  const tried = await connection.exec("sudo -k -S -p '' -- true", { input: `${password}\n` });
  if (tried.exitCode !== 0)
    throw refused('sudo took neither the user nor the password that is given', [
      `ssh -t ${target.user}@${target.host} sudo true`,
      `adduser ${target.user} sudo   # on ${name}, as root`,
    ]);
  const mark = randomBytes(16).toString('hex');
  // sudo that remembers an earlier password reads none: what it has left is read away, byte by byte, up to the mark.
  const skip = `while IFS= read -r line; do [ "$line" = ${mark} ] && exec "$@"; done; exit 1`;
  return { line: (command) => `sudo -S -p '' -- ${quoted(['sh', '-c', skip, 'sh', ...command])}`, head: `${password}\n${mark}\n` };
};

const quoted = (command: readonly string[]): string => command.map(shellQuote).join(' ');
