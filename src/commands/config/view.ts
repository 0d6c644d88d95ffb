import { booleanFlag, type Flags, textFlag } from '../../cli/args/flags.ts';
import { KubeCommand } from '../../cli/kube-command.ts';
import { objectPrinter } from '../../cli/output/object-printer.ts';
import { type Kubeconfig, kubeconfigPaths, loadKubeconfig } from '../../pki/kubeconfig.ts';

const flags = {
  output: textFlag('yaml, json, jsonpath=T, ...', { char: 'o', default: 'yaml' }),
  raw: booleanFlag('Show secrets too'),
  minify: booleanFlag('Only what the current context uses'),
  flatten: booleanFlag('Accepted for compatibility', { hidden: true }),
  kubeconfig: textFlag('Path of the kubeconfig file'),
} as const satisfies Flags;

export default class ConfigView extends KubeCommand<typeof flags> {
  static override summary = 'Show the merged kubeconfig, without its secrets';
  static override usage = '[--minify] [--raw] [-o FORMAT]';
  static override examples = ['slipway config view --minify'];
  static override flags = flags;

  async run(): Promise<void> {
    const { kubeconfig } = this.flags;
    const loaded = await loadKubeconfig(kubeconfig ? [kubeconfig] : kubeconfigPaths(this.io.env));
    const { preferences, ...config } = this.flags.minify ? minified(loaded) : loaded;
    const shown = {
      ...(this.flags.raw ? config : hidden(config as Kubeconfig)),
      ...(preferences && Object.keys(preferences).length ? { preferences } : {}),
    };
    this.io.out(objectPrinter(this.flags.output, { nameOf: () => '' })?.(shown) ?? '');
  }
}

const minified = (config: Kubeconfig): Kubeconfig => {
  const contexts = config.contexts.filter((context) => context.name === config['current-context']);
  return {
    ...config,
    contexts,
    clusters: config.clusters.filter((cluster) => contexts.some(({ context }) => context.cluster === cluster.name)),
    users: config.users.filter((user) => contexts.some(({ context }) => context.user === user.name)),
  };
};

const SECRETS: Readonly<Record<string, string>> = {
  'client-certificate-data': 'DATA+OMITTED',
  'client-key-data': 'DATA+OMITTED',
  token: 'REDACTED',
  password: 'REDACTED',
};

const hidden = (config: Kubeconfig): Kubeconfig => ({
  ...config,
  clusters: config.clusters.map((entry) => ({
    ...entry,
    cluster: { ...entry.cluster, ...(entry.cluster['certificate-authority-data'] ? { 'certificate-authority-data': 'DATA+OMITTED' } : {}) },
  })),
  users: config.users.map((entry) => ({
    ...entry,
    user: Object.fromEntries(Object.entries(entry.user).map(([key, value]) => [key, SECRETS[key] ?? value])),
  })),
});
