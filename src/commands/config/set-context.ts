import { readFile } from 'node:fs/promises';
import { booleanFlag, type Flags, textFlag } from '../../cli/args/flags.ts';
import { CommandError, UsageError } from '../../cli/errors.ts';
import { KubeCommand } from '../../cli/kube-command.ts';
import { kubeconfigPaths, loadKubeconfig, parseKubeconfig } from '../../pki/kubeconfig.ts';
import { changeKubeconfigFile, kubeconfigFileToChange } from '../../pki/kubeconfig-file.ts';

const flags = {
  current: booleanFlag('The current context'),
  kubeconfig: textFlag('Path of the kubeconfig file'),
  namespace: textFlag('Namespace of the context', { char: 'n' }),
  cluster: textFlag('Cluster of the context'),
  user: textFlag('User of the context'),
} as const satisfies Flags;

export default class SetContext extends KubeCommand<typeof flags> {
  static override summary = 'Change or add a context';
  static override usage = '(NAME | --current) [--namespace=NAME] [--cluster=NAME] [--user=NAME]';
  static override examples = ['slipway config set-context --current --namespace=shop'];
  static override flags = flags;

  async run(): Promise<void> {
    const { kubeconfig, namespace, cluster, user } = this.flags;
    const paths = kubeconfig ? [kubeconfig] : kubeconfigPaths(this.io.env);
    const merged = await loadKubeconfig(paths);
    if (this.flags.current === (this.args[0] !== undefined)) throw new UsageError('give either a NAME or --current');
    const name = this.args[0] ?? merged['current-context'];
    if (!name) throw new CommandError('no current context is set');
    const known = merged.contexts.find((context) => context.name === name);
    const path = await this.fileOf(name, paths);
    await changeKubeconfigFile(path, (file) => ({
      ...file,
      contexts: [
        ...file.contexts.filter((context) => context.name !== name),
        {
          name,
          context: {
            ...(known?.context ?? { cluster: '', user: '' }),
            ...(cluster === undefined ? {} : { cluster }),
            ...(user === undefined ? {} : { user }),
            ...(namespace === undefined ? {} : { namespace }),
          },
        },
      ],
    }));
    this.io.out(`Context "${name}" ${known ? 'modified' : 'created'}.\n`);
  }

  /** The file that has the context already, else the one that new entries go to. */
  private async fileOf(name: string, paths: readonly string[]): Promise<string> {
    for (const path of paths) {
      const text = await readFile(path, 'utf8').catch(() => '');
      if (text && parseKubeconfig(text, path).contexts.some((context) => context.name === name)) return path;
    }
    return paths.length === 1 ? (paths[0] as string) : kubeconfigFileToChange(this.io.env);
  }
}
