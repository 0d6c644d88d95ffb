import type { KubeObject } from '../api/meta/object.ts';
import { hasReason, isNotFound, StatusError } from '../api/meta/status.ts';
import { booleanFlag, type Flags } from '../cli/args/flags.ts';
import type { EventLike } from '../cli/describe/events.ts';
import { describeObject } from '../cli/describe/index.ts';
import type { World } from '../cli/describe/world.ts';
import { UsageError } from '../cli/errors.ts';
import { fetchObjects } from '../cli/kube/fetch.ts';
import { FILE_FLAGS, SELECTOR_FLAGS } from '../cli/kube/object-flags.ts';
import { builtinResource, type Resource } from '../cli/kube/resource-catalog.ts';
import { parseTargets } from '../cli/kube/targets.ts';
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
    const world = await this.world();
    for (const [index, info] of infos.entries()) {
      const events = this.flags['show-events'] ? await this.eventsOf(info) : undefined;
      const text = await describeObject(info.object, { world, events, now: Date.now() });
      this.io.out(`${index > 0 ? '\n\n' : ''}${text}`);
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

  /** Reading beside the object: what is refused, or is not served, is left out of the description. */
  private async world(): Promise<World> {
    const session = await this.session();
    const resourceOf = (type: string): Resource => {
      const [plural = '', group = ''] = type.split('/').reverse();
      return builtinResource(plural, group);
    };
    return {
      list: async <T extends KubeObject>(type: string, where: Parameters<World['list']>[1] = {}) =>
        (await fetchObjects(
          { ...session, namespace: where.namespace ?? session.namespace },
          { resource: resourceOf(type) },
          {
            allNamespaces: where.namespace === undefined,
            ...(where.labels ? { labelSelector: where.labels } : {}),
            ...(where.fields ? { fieldSelector: where.fields } : {}),
          },
        ).catch((error: unknown) => {
          if (hasReason(error, 'Forbidden') || isNotFound(error)) return [];
          throw error;
        })) as T[],
      get: async <T extends KubeObject>(type: string, name: string, namespace?: string) =>
        this.read<T>(resourceOf(type), name, namespace).catch((error: unknown) => {
          if (error instanceof StatusError) return error;
          throw error;
        }),
    };
  }
}
