import { isNotFound } from '../api/meta/status.ts';
import { booleanFlag, type Flags, textFlag } from '../cli/args/flags.ts';
import { CommandError, UsageError } from '../cli/errors.ts';
import { KubeCommand } from '../cli/kube-command.ts';
import { renderRows } from '../cli/output/text-table.ts';

const flags = {
  'all-namespaces': booleanFlag('Of every namespace', { char: 'A' }),
  selector: textFlag('Only with these labels', { char: 'l' }),
  'no-headers': booleanFlag('Without the line of headers'),
} as const satisfies Flags;

interface Usage {
  metadata: { name: string; namespace?: string };
  usage?: Record<string, string>;
  containers?: { usage: Record<string, string> }[];
}

export default class Top extends KubeCommand<typeof flags> {
  static override summary = 'CPU and memory that nodes or pods use';
  static override usage = '(node | pod) [flags]';
  static override examples = ['slipway top node', 'slipway top pod -A'];
  static override flags = flags;

  async run(): Promise<void> {
    const what = this.args[0]?.replace(/^(no|nodes)$/, 'node').replace(/^(po|pods)$/, 'pod');
    if (what !== 'node' && what !== 'pod') throw new UsageError('say what: top node, or top pod');
    const session = await this.session();
    const place = what === 'pod' && !this.flags['all-namespaces'] ? `namespaces/${session.namespace}/` : '';
    const { body } = await session.transport
      .send({ method: 'GET', path: `/apis/metrics.k8s.io/v1beta1/${place}${what}s`, query: { labelSelector: this.flags.selector } })
      .catch((error: unknown) => {
        if (isNotFound(error)) throw new CommandError('Metrics API not available: the cluster has no metrics server', { cause: error });
        throw error;
      });
    const rows = (body as { items: Usage[] }).items.map(({ metadata, usage, containers }) => {
      const parts = usage ? [usage] : (containers ?? []).map((container) => container.usage);
      const sum = (name: string): string => parts.map((part) => part[name] ?? '0').join('+');
      return [
        ...(this.flags['all-namespaces'] && what === 'pod' ? [metadata.namespace ?? ''] : []),
        metadata.name,
        sum('cpu'),
        sum('memory'),
      ];
    });
    const header = [...(this.flags['all-namespaces'] && what === 'pod' ? ['NAMESPACE'] : []), 'NAME', 'CPU', 'MEMORY'];
    this.io.out(renderRows(this.flags['no-headers'] ? rows : [header, ...rows]));
  }
}
