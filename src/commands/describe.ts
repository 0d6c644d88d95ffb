import { booleanFlag, type Flags } from '../cli/args/flags.ts';
import { UsageError } from '../cli/errors.ts';
import { describeObject, type EventLike } from '../cli/kube/describe.ts';
import { fetchObjects } from '../cli/kube/fetch.ts';
import { FILE_FLAGS, SELECTOR_FLAGS } from '../cli/kube/object-flags.ts';
import { builtinResource } from '../cli/kube/resource-catalog.ts';
import { parseTargets } from '../cli/kube/targets.ts';
import { podSpecOf } from '../cli/kube/workloads.ts';
import { ObjectCommand, type ObjectInfo } from '../cli/object-command.ts';

const flags = {
  ...FILE_FLAGS,
  ...SELECTOR_FLAGS,
  'all-namespaces': booleanFlag('Of every namespace', { char: 'A' }),
  'show-events': booleanFlag('With events', { default: true }),
} as const satisfies Flags;

export default class Describe extends ObjectCommand<typeof flags> {
  static override summary = 'Show an object in full, with its events';
  static override usage = '(TYPE [NAME...] | TYPE/NAME | -f FILE) [flags]';
  static override examples = ['slipway describe pod web', 'slipway describe nodes', 'slipway describe deployment/web'];
  static override flags = flags;

  async run(): Promise<void> {
    const infos = await this.found();
    for (const [index, info] of infos.entries()) {
      const events = this.flags['show-events'] ? await this.eventsOf(info) : undefined;
      const extra = info.object.kind === 'Node' ? await this.podsOnNode(info.name) : '';
      this.io.out(`${index > 0 ? '\n\n' : ''}${extra}${describeObject(info.object, events, Date.now())}`);
    }
    if (!infos.length) this.io.err(`No resources found in ${(await this.session()).namespace} namespace.\n`);
  }

  private async found(): Promise<ObjectInfo[]> {
    if (this.flags.filename.length) return this.objects();
    if (!this.args.length) throw new UsageError('You must specify the type of resource to describe.');
    const session = await this.session();
    const found: ObjectInfo[] = [];
    for (const ref of await parseTargets(this.args, session.resources)) {
      const options = {
        allNamespaces: this.flags['all-namespaces'],
        ...(this.flags.selector ? { labelSelector: this.flags.selector } : {}),
      };
      for (const object of await fetchObjects(session, ref, options)) found.push(this.info(ref.resource, object));
    }
    return found;
  }

  private async eventsOf({ object, name, namespace }: ObjectInfo): Promise<EventLike[]> {
    const session = await this.session();
    const about = [
      `involvedObject.name=${name}`,
      ...(namespace ? [`involvedObject.namespace=${namespace}`] : []),
      `involvedObject.kind=${object.kind}`,
    ];
    if (object.metadata.uid && object.kind !== 'Node') about.push(`involvedObject.uid=${object.metadata.uid}`);
    const scoped = { ...session, namespace: namespace ?? 'default' };
    return (await fetchObjects(scoped, { resource: builtinResource('events') }, { fieldSelector: about.join(',') })) as EventLike[];
  }

  private async podsOnNode(name: string): Promise<string> {
    const pods = await fetchObjects(
      await this.session(),
      { resource: builtinResource('pods') },
      { allNamespaces: true, fieldSelector: `spec.nodeName=${name}` },
    );
    const rows = pods.map((pod) => [
      pod.metadata.namespace ?? '',
      pod.metadata.name ?? '',
      ...requests(podSpecOf({ ...pod, kind: 'Pod' }).containers),
    ]);
    const { renderRows } = await import('../cli/output/text-table.ts');
    return `Pods on the node: ${pods.length}\n${
      rows.length
        ? renderRows([['Namespace', 'Name', 'CPU requests', 'Memory requests'], ...rows])
            .replace(/^/gm, '  ')
            .trimEnd()
        : ''
    }\n`;
  }
}

const requests = (containers: readonly { resources?: Record<string, Record<string, string>> }[]): [string, string] => {
  const all = (name: string): string => containers.flatMap((container) => container.resources?.['requests']?.[name] ?? []).join('+') || '0';
  return [all('cpu'), all('memory')];
};
