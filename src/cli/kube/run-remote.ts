import { pathOf } from '../../api/meta/object.ts';
import type { Io } from '../io.ts';
import type { Pod } from './pods-of.ts';
import { carryRemoteCommand, REMOTE_COMMAND_PROTOCOLS, type RemoteStreams } from './remote-command.ts';
import { builtinResource } from './resource-catalog.ts';
import type { Session } from './session.ts';
import { openWebSocket } from './upgrade.ts';

export interface RemoteOptions {
  kind: 'exec' | 'attach';
  container: string;
  command?: readonly string[];
  stdin: boolean;
  tty: boolean;
}

/** Runs a command in a container (or attaches to it) on this process's streams; a terminal is raw meanwhile. Answers the exit code. */
export const runRemote = async (session: Session, pod: Pod, options: RemoteOptions, io: Io): Promise<number> => {
  const tty = options.tty && Boolean(io.stdin.isTTY);
  if (options.tty && !io.stdin.isTTY) io.err('Unable to use a TTY - input is not a terminal or the right kind of file\n');
  const streams: RemoteStreams = {
    stdin: options.stdin ? io.stdin : undefined,
    stdout: io.stdout,
    stderr: io.stderr,
    terminal: tty ? io.stdout : undefined,
  };
  if (tty) io.stdin.setRawMode(true);
  try {
    return await openRemote(session, pod, { ...options, tty }, streams);
  } finally {
    if (tty) io.stdin.setRawMode(false);
    // A file as stdin, /dev/null too, has no such method; it does not keep a process alive either.
    if (options.stdin) io.stdin.unref?.();
  }
};

/** The same on streams of the caller. */
export const openRemote = async (session: Session, pod: Pod, options: RemoteOptions, streams: RemoteStreams): Promise<number> => {
  const path = pathOf(builtinResource('pods'), { namespace: pod.metadata.namespace, name: pod.metadata.name, subresource: options.kind });
  const query: [string, string][] = [
    ...(options.command ?? []).map((word): [string, string] => ['command', word]),
    ['container', options.container],
    ['stdin', String(options.stdin)],
    ['stdout', 'true'],
    ['stderr', String(!options.tty)],
    ['tty', String(options.tty)],
  ];
  const socket = await openWebSocket(session, path, query, REMOTE_COMMAND_PROTOCOLS);
  return carryRemoteCommand(socket, streams);
};
