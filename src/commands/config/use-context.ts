import { type Flags, textFlag } from '../../cli/args/flags.ts';
import { CommandError, UsageError } from '../../cli/errors.ts';
import { KubeCommand } from '../../cli/kube-command.ts';
import { kubeconfigPaths, loadKubeconfig } from '../../pki/kubeconfig.ts';
import { changeKubeconfigFile, kubeconfigFileToChange } from '../../pki/kubeconfig-file.ts';

const flags = { kubeconfig: textFlag('Path of the kubeconfig file') } as const satisfies Flags;

export default class UseContext extends KubeCommand<typeof flags> {
  static override summary = 'Make a context the current one';
  static override usage = 'NAME';
  static override examples = ['slipway config use-context slipway-demo'];
  static override flags = flags;

  async run(): Promise<void> {
    const { kubeconfig } = this.flags;
    const name = this.args[0];
    if (!name) throw new UsageError('a NAME is needed');
    const config = await loadKubeconfig(kubeconfig ? [kubeconfig] : kubeconfigPaths(this.io.env));
    if (!config.contexts.some((context) => context.name === name)) throw new CommandError(`no context exists with the name: "${name}"`);
    const path = kubeconfig ?? (await kubeconfigFileToChange(this.io.env));
    await changeKubeconfigFile(path, (file) => ({ ...file, 'current-context': name }));
    this.io.out(`Switched to context "${name}".\n`);
  }
}
