import { shellQuote } from '../../base/templates/template.ts';
import { writeAtomically } from '../local/local-host.ts';
import { knownHostsName, type SshTarget } from './ssh-target.ts';

export interface TerminalTarget {
  target: SshTarget;
  identityFile?: string | undefined;
  /** `user@a,user@b`, the first one first. */
  jumpHost?: string | undefined;
  /** Files with the keys that are trusted; no other key is. */
  knownHosts: readonly string[];
}

/** OpenSSH's own client, which knows terminals: runs a command as root, or a login shell when there is none. */
export const terminalCommand = (
  { target, identityFile, jumpHost, knownHosts }: TerminalTarget,
  command: readonly string[],
  options: readonly string[] = [],
): string[] => {
  const hasCommand = command.length > 0;
  const line = command.map(shellQuote).join(' ');
  // A shell has a terminal, on which sudo can ask for a password.
  const asRoot = target.user === 'root' ? line : hasCommand ? `sudo -n -- ${line}` : 'sudo -i';
  return [
    'ssh',
    ...options,
    ...['-p', String(target.port), '-l', target.user, '-o', 'StrictHostKeyChecking=yes'],
    ...['-o', `UserKnownHostsFile=${knownHosts.map((file) => (file.startsWith('~') ? file : `"${file}"`)).join(' ')}`],
    ...(identityFile ? ['-i', identityFile] : []),
    ...(jumpHost ? ['-J', jumpHost] : []),
    ...(hasCommand ? [] : ['-t']),
    target.host,
    ...(asRoot ? ['--', asRoot] : []),
  ];
};

/**
 * The same for a machine whose host key was made here: that is written where the client reads it, and neither the user's configuration nor their
 * other keys have a say.
 */
export const seededTerminal = async (
  { hostKeys, file, ...to }: { target: SshTarget; identityFile: string; hostKeys: readonly string[]; file: string },
  command: readonly string[],
): Promise<string[]> => {
  await writeAtomically(file, hostKeys.map((key) => `${knownHostsName(to.target)} ${key.trim()}\n`).join(''), 0o600);
  return terminalCommand({ ...to, knownHosts: [file] }, command, ['-F', 'none', '-o', 'IdentitiesOnly=yes']);
};
