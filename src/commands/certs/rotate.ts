import { booleanFlag, type Flags } from '../../cli/args/flags.ts';
import { BaseCommand, OUTPUT_FLAG } from '../../cli/base-command.ts';
import { followJob } from '../../cli/progress/follow-job.ts';

const flags = {
  ca: booleanFlag("Replace the cluster's authority and the key of service accounts too"),
  output: OUTPUT_FLAG,
} as const satisfies Flags;

export default class CertsRotate extends BaseCommand<typeof flags> {
  static override summary = 'Renew the certificates of a cluster now';
  static override usage = '[NAME] [flags]';
  static override description =
    'Works over the connections to the hosts, so it also mends a cluster whose certificates have ended. Workloads run on, and nothing is ' +
    'restarted. With --ca both authorities are trusted during the change; kubeconfigs of other people need the new one afterwards. Run again ' +
    'after an interruption, it goes on where it was.';
  static override examples = ['slipway certs rotate', 'slipway certs rotate demo --ca'];
  static override flags = flags;
  static override graceful = true;

  async run(): Promise<void> {
    this.expectArgs({ max: 1 }, 'name of a cluster');
    const [{ rotateCertificates }, { chooseCluster }] = await Promise.all([
      import('../../provision/jobs/rotate-certificates.ts'),
      import('../../provision/state/choose-cluster.ts'),
    ]);
    const name = await chooseCluster(this.args[0]);
    const json = this.flags.output === 'json';
    const { nodes } = await followJob(rotateCertificates(name, { authority: this.flags.ca, signal: this.signal }), { io: this.io, json });
    if (!json) this.io.out(`Certificates of ${name} are renewed on ${nodes.join(', ')}\n`);
  }
}
