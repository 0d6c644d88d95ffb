import { PRODUCT_VERSION, SERVED_KUBERNETES_VERSION } from '../base/product.ts';
import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { KubeCommand } from '../cli/kube-command.ts';

const flags = {
  client: booleanFlag('Only the version of this program; no server is asked'),
  output: textFlag('Output format', { char: 'o', options: ['json', 'yaml'] }),
} as const satisfies Flags;

export default class Version extends KubeCommand<typeof flags> {
  static override summary = 'Versions of this program and of the cluster';
  static override examples = ['slipway version', 'slipway version --client -o json'];
  static override flags = flags;

  async run(): Promise<void> {
    const client = { version: PRODUCT_VERSION, kubernetes: SERVED_KUBERNETES_VERSION, node: process.version };
    const server = this.flags.client ? undefined : await this.serverVersion();
    if (this.flags.output) {
      const { renderObject } = await import('../cli/output/render-object.ts');
      this.io.out(
        renderObject({ clientVersion: client, ...(server ? { serverVersion: server } : {}) }, this.flags.output as 'json' | 'yaml'),
      );
      return;
    }
    this.io.out(`Client Version: slipway v${client.version} (Kubernetes ${client.kubernetes})\n`);
    if (server) this.io.out(`Server Version: ${server.gitVersion}\n`);
  }

  /** Without any cluster in the kubeconfig there is nothing to ask, and that is no error here. */
  private async serverVersion(): Promise<{ gitVersion: string } | undefined> {
    const { loadKubeconfig, kubeconfigPaths } = await import('../pki/kubeconfig.ts');
    const config = await loadKubeconfig(this.flagsPath() ?? kubeconfigPaths(this.io.env));
    const asked = this.given.has('context') || this.given.has('server');
    if (!asked && config['current-context'] === '') return undefined;
    return this.send<{ gitVersion: string }>({ method: 'GET', path: '/version' });
  }

  private flagsPath(): string[] | undefined {
    const path = (this.flags as unknown as { kubeconfig?: string }).kubeconfig;
    return path ? [path] : undefined;
  }
}
