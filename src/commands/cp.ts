import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { booleanFlag, type Flags, integerFlag, textFlag } from '../cli/args/flags.ts';
import { CommandError, UsageError } from '../cli/errors.ts';
import { packLocal, unpackRemote } from '../cli/kube/copy-files.ts';
import { defaultContainer, type Pod } from '../cli/kube/pods-of.ts';
import { builtinResource } from '../cli/kube/resource-catalog.ts';
import { openRemote } from '../cli/kube/run-remote.ts';
import { KubeCommand } from '../cli/kube-command.ts';

const flags = {
  container: textFlag('Which container', { char: 'c' }),
  'no-preserve': booleanFlag("Do not keep the files' owners"),
  retries: integerFlag('Accepted for compatibility', { default: 0, hidden: true }),
} as const satisfies Flags;

interface Place {
  pod: string;
  namespace: string | undefined;
  path: string;
}

export default class Copy extends KubeCommand<typeof flags> {
  static override summary = 'Copy files to and from containers, which need tar';
  static override usage = '([NAMESPACE/]POD:PATH LOCAL | LOCAL [NAMESPACE/]POD:PATH) [-c CONTAINER]';
  static override examples = ['slipway cp web:/etc/hosts hosts', 'slipway cp page.html shop/web:/www/page.html'];
  static override flags = flags;

  async run(): Promise<number> {
    if (this.args.length !== 2) throw new UsageError('source and destination are required');
    const [from, to] = this.args.map(placeOf) as [Place | string, Place | string];
    if (typeof from !== 'string' && typeof to !== 'string') throw new UsageError('one of src or dest must be a local file specification');
    if (typeof from !== 'string') return this.fromPod(from, to as string);
    if (typeof to !== 'string') return this.toPod(from, to);
    throw new UsageError('one of src or dest must be a remote file specification');
  }

  private async toPod(local: string, place: Place): Promise<number> {
    let target = place.path;
    if (target.endsWith('/') || (await this.isFolder(place))) target = join(target, basename(local));
    const said = new PassThrough();
    const archive = await packLocal(local, basename(target));
    const command = [
      'tar',
      ...(this.flags['no-preserve'] ? ['--no-same-permissions', '--no-same-owner'] : []),
      '-xmf',
      '-',
      '-C',
      dirname(target),
    ];
    return this.remote(place, command, { stdin: Readable.from(archive), stdout: said });
  }

  private async isFolder(place: Place): Promise<boolean> {
    const nowhere = new PassThrough().resume();
    // A container without `test` cannot say; its path is then taken for a file's, as kubectl does.
    return this.remote(place, ['test', '-d', place.path], { stdout: nowhere, quiet: true }).then(
      (code) => code === 0,
      (error: unknown) => {
        if (error instanceof CommandError) return false;
        throw error;
      },
    );
  }

  private async fromPod(place: Place, local: string): Promise<number> {
    const isFolder = await stat(local).then(
      (found) => found.isDirectory(),
      () => false,
    );
    const target = isFolder ? join(local, basename(place.path)) : local;
    const received = new PassThrough();
    const unpacking = unpackRemote(received, { remote: place.path, target, warn: (text) => this.io.err(`${text}\n`) });
    const code = await this.remote(place, ['tar', 'cf', '-', place.path], { stdout: received });
    received.end();
    const files = await unpacking.catch((error: unknown) => {
      if (code === 0) throw error;
      return 0;
    });
    if (code !== 0 && files === 0) throw new CommandError(`copying ${place.path} failed: the container's tar ended with exit code ${code}`);
    return code;
  }

  private async remote(
    place: Place,
    command: readonly string[],
    streams: { stdin?: Readable; stdout: PassThrough; quiet?: boolean },
  ): Promise<number> {
    const session = await this.session();
    const pod = await this.read<Pod>(builtinResource('pods'), place.pod, place.namespace);
    const container = defaultContainer(pod, this.flags.container).name;
    const stderr = streams.quiet ? new PassThrough().resume() : this.io.stderr;
    const options = { kind: 'exec' as const, container, command, stdin: streams.stdin !== undefined, tty: false };
    return openRemote(session, pod, options, { stdin: streams.stdin, stdout: streams.stdout, stderr });
  }
}

/** `pod:path` and `namespace/pod:path`; everything else is local. */
const placeOf = (text: string): Place | string => {
  const match = /^(?:([^/:.][^/:]*)\/)?([^/:.][^/:]*):(.*)$/s.exec(text);
  if (!match) return text;
  if (!match[3]) throw new UsageError('filepath can not be empty');
  return { namespace: match[1], pod: match[2] as string, path: match[3] };
};
