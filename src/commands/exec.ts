import { durationMs } from '../cli/args/duration.ts';
import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { CommandError, UsageError } from '../cli/errors.ts';
import { defaultContainer, runningPodOf } from '../cli/kube/pods-of.ts';
import { runRemote } from '../cli/kube/run-remote.ts';
import { KubeCommand } from '../cli/kube-command.ts';

const flags = {
  container: textFlag('Which container', { char: 'c' }),
  stdin: booleanFlag('Pass stdin on', { char: 'i' }),
  tty: booleanFlag('With a terminal', { char: 't' }),
  quiet: booleanFlag('Only what the command prints', { char: 'q' }),
  'pod-running-timeout': textFlag('How long to wait for a running pod', { default: '1m0s' }),
} as const satisfies Flags;

export default class Exec extends KubeCommand<typeof flags> {
  static override summary = 'Run a command in a container; its exit code is passed on';
  static override usage = '(POD | TYPE/NAME) [-c CONTAINER] [-it] -- COMMAND [ARGS...]';
  static override examples = ['slipway exec web -- env', 'slipway exec -it deployment/web -- sh'];
  static override flags = flags;

  async run(): Promise<number> {
    if (this.dashAt < 0 && this.args.length > 1)
      throw new UsageError('exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead');
    const [word, ...command] = this.args;
    if (word === undefined || this.dashAt === 0) throw new UsageError('pod or type/name must be specified');
    if (!command.length) throw new UsageError('you must specify at least one command for the container');
    const session = await this.session();
    const pod = await runningPodOf(session, word, { timeoutMs: durationMs(this.flags['pod-running-timeout']), signal: this.signal });
    const phase = pod.status?.phase;
    if (phase === 'Succeeded' || phase === 'Failed')
      throw new CommandError(`cannot exec into a container in a completed pod; current phase is ${phase}`);
    const { name, note } = defaultContainer(pod, this.flags.container);
    if (note && !this.flags.quiet) this.io.err(note);
    const code = await runRemote(
      session,
      pod,
      { kind: 'exec', container: name, command, stdin: this.flags.stdin, tty: this.flags.tty },
      this.io,
    );
    if (code !== 0) this.io.err(`command terminated with exit code ${code}\n`);
    return code;
  }
}
