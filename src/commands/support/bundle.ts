import { resolve } from 'node:path';
import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { BaseCommand, PROGRESS_FLAG } from '../../cli/base-command.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  output: textFlag('Where to write it [slipway-support-NAME-TIME.tar.gz]', { char: 'o' }),
  progress: PROGRESS_FLAG,
} as const satisfies Flags;

export default class SupportBundle extends BaseCommand<typeof flags> {
  static override summary = 'Write one file with all that helps to find out what is wrong, without secrets';
  static override usage = '[NAME] [flags]';
  static override description =
    'Versions, status, what doctor finds, state and journal, API objects, events and metrics, and of every node: logs of its services, kernel, network and containers. Data of Secrets, keys, tokens and values that look secret are removed; logs of your containers are not in it. Works when the API or a node is away, and changes nothing.';
  static override examples = ['slipway support bundle', 'slipway support bundle demo -o demo.tar.gz'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const [{ writeSupportBundle }, { chooseCluster }] = await Promise.all([
      import('../../provision/support/support-bundle.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const name = await chooseCluster(this.args[0]);
    const time = new Date().toISOString().replaceAll(/[-:]|\..*/g, '');
    const path = resolve(this.flags.output ?? `slipway-support-${name}-${time}.tar.gz`);
    const json = this.flags.progress === 'json';
    const { files, missing } = await followJob(writeSupportBundle(name, { path, signal: this.signal }), { io: this.io, json });
    if (json) return;
    this.io.out(
      `${path}: ${files} files${missing.length ? `; ${missing.length} things could not be read, manifest.json names them` : ''}\n`,
    );
  }
}
