import { durationMs } from '../cli/args/duration.ts';
import { booleanFlag, type Flags, integerFlag, textFlag } from '../cli/args/flags.ts';
import { BaseCommand } from '../cli/base-command.ts';
import { UsageError } from '../cli/errors.ts';

const flags = {
  cluster: textFlag('Name of the cluster [that of the current context]'),
  tail: integerFlag('How many of the newest lines [100; with --since all, with --follow 10]'),
  since: textFlag('Only lines of the last 30s, 10m, 2h'),
  follow: booleanFlag('Go on with what is logged from now on, until Ctrl-C', { char: 'f' }),
} as const satisfies Flags;

export default class LogsOf extends BaseCommand<typeof flags> {
  static override summary = 'Show what a service of a node has logged';
  static override usage = 'NODE SERVICE [flags]';
  static override description =
    "Services are slipway-server, slipway-agent and slipway-containerd, under systemd any unit, and `kernel` for the kernel's messages; without one, what there is on the node is listed. Works over every driver, and when the API does not answer.";
  static override examples = [
    'slipway logs-of demo-1',
    'slipway logs-of demo-1 slipway-agent --since 10m',
    'slipway logs-of demo-1 slipway-server --follow',
  ];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ min: 1, max: 2 }, 'name of a node');
    const { tail, since, follow, cluster } = this.flags;
    if (tail !== undefined && tail < 0) throw new UsageError('--tail may not be negative');
    const [{ serviceLogs }, { chooseCluster }] = await Promise.all([
      import('../provision/service-logs.ts'),
      import('../provision/state/choose-cluster.ts'),
    ]);
    const [name = '', service] = this.args;
    const sinceSeconds = since === undefined ? undefined : durationMs(since) / 1000;
    const request = { service, count: tail, sinceSeconds, follow, signal: this.signal };
    for await (const lines of serviceLogs({ cluster: await chooseCluster(cluster), name }, request))
      this.io.out(lines.map((line) => `${line}\n`).join(''));
  }
}
