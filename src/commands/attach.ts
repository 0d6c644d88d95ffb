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
  quiet: booleanFlag('Only what the container prints', { char: 'q' }),
  'pod-running-timeout': textFlag('How long to wait for a running pod', { default: '1m0s' }),
} as const satisfies Flags;

export default class Attach extends KubeCommand<typeof flags> {
  static override summary = 'Attach to a running container';
  static override usage = '(POD | TYPE/NAME) [-c CONTAINER] [-it]';
  static override examples = ['slipway attach web', 'slipway attach -it shell'];
  static override flags = flags;

  async run(): Promise<number> {
    const word = this.args[0];
    if (word === undefined) throw new UsageError('at least 1 argument is required for attach');
    const session = await this.session();
    const pod = await runningPodOf(session, word, { timeoutMs: durationMs(this.flags['pod-running-timeout']), signal: this.signal });
    const { name, note } = defaultContainer(pod, this.flags.container);
    if (note && !this.flags.quiet) this.io.err(note);
    const container = pod.spec.containers.find((each) => each.name === name);
    if (this.flags.tty && !container?.tty) throw new CommandError(`Unable to use a TTY - container ${name} did not allocate one`);
    if (!this.flags.quiet && this.flags.stdin) this.io.err("If you don't see a command prompt, try pressing enter.\n");
    return runRemote(session, pod, { kind: 'attach', container: name, stdin: this.flags.stdin, tty: this.flags.tty }, this.io);
  }
}
