import { booleanFlag, type Flags, textFlag } from '../../cli/args/flags.ts';
import { CommandError } from '../../cli/errors.ts';
import { KubeCommand } from '../../cli/kube-command.ts';
import { renderRows } from '../../cli/output/text-table.ts';
import { kubeconfigPaths, loadKubeconfig } from '../../pki/kubeconfig.ts';

const flags = {
  output: textFlag('name', { char: 'o', options: ['name', ''] }),
  'no-headers': booleanFlag('Without the line of headers'),
  kubeconfig: textFlag('Path of the kubeconfig file'),
} as const satisfies Flags;

export default class GetContexts extends KubeCommand<typeof flags> {
  static override summary = 'List the contexts of the kubeconfig';
  static override usage = '[NAME] [flags]';
  static override examples = ['slipway config get-contexts'];
  static override flags = flags;

  async run(): Promise<void> {
    const { kubeconfig } = this.flags;
    const config = await loadKubeconfig(kubeconfig ? [kubeconfig] : kubeconfigPaths(this.io.env));
    const wanted = this.args[0];
    const contexts = config.contexts
      .filter(({ name }) => wanted === undefined || name === wanted)
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    if (wanted !== undefined && !contexts.length) throw new CommandError(`context ${wanted} not found`);
    if (this.flags.output === 'name') {
      for (const { name } of contexts) this.io.out(`${name}\n`);
      return;
    }
    const rows = contexts.map(({ name, context }) => [
      name === config['current-context'] ? '*' : '',
      name,
      context.cluster,
      context.user,
      context.namespace ?? '',
    ]);
    this.io.out(renderRows([...(this.flags['no-headers'] ? [] : [['CURRENT', 'NAME', 'CLUSTER', 'AUTHINFO', 'NAMESPACE']]), ...rows]));
  }
}
