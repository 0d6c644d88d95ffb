import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { CommandError } from '../../cli/errors.ts';
import { KubeCommand } from '../../cli/kube-command.ts';
import { kubeconfigPaths, loadKubeconfig } from '../../pki/kubeconfig.ts';

const flags = { kubeconfig: textFlag('Path of the kubeconfig file') } as const satisfies Flags;

export default class CurrentContext extends KubeCommand<typeof flags> {
  static override summary = 'Show which context is current';
  static override examples = ['slipway config current-context'];
  static override flags = flags;

  async run(): Promise<void> {
    const { kubeconfig } = this.flags;
    const config = await loadKubeconfig(kubeconfig ? [kubeconfig] : kubeconfigPaths(this.io.env));
    if (!config['current-context']) throw new CommandError('current-context is not set');
    this.io.out(`${config['current-context']}\n`);
  }
}
