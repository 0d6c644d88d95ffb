import { type KubeObject, pathOf } from '../api/meta/object.ts';
import type { PatchType } from '../api/transport.ts';
import type { Flags, Values } from './args/flags.ts';
import { CommandError, UsageError } from './errors.ts';
import { fetchObjects } from './kube/fetch.ts';
import type { DryRun, FILE_FLAGS, SELECTOR_FLAGS, WRITE_FLAGS } from './kube/object-flags.ts';
import { qualifiedName, type Resource } from './kube/resource-catalog.ts';
import { parseTargets } from './kube/targets.ts';
import { KubeCommand } from './kube-command.ts';

/** One object on the server, as a command works on it. */
export interface ObjectInfo {
  resource: Resource;
  namespace: string | undefined;
  name: string;
  /** As the server has it; for objects of files that are not there yet, as the file says. */
  object: KubeObject;
  source?: string;
}

type SharedValues = Partial<Values<typeof WRITE_FLAGS> & Values<typeof FILE_FLAGS> & Values<typeof SELECTOR_FLAGS>> & {
  all?: boolean;
  'all-namespaces'?: boolean;
};

/** A command that reads objects by name, file or selector, changes them, and says what it did. Its flags include WRITE_FLAGS. */
export abstract class ObjectCommand<F extends Flags = Flags> extends KubeCommand<F> {
  private get shared(): SharedValues {
    return this.flags as unknown as SharedValues;
  }

  protected get dryRun(): DryRun {
    return (this.shared['dry-run'] ?? 'none') as DryRun;
  }

  /** Objects of -f, or of the words, each as the server has it now. */
  protected async objects(words: readonly string[] = this.args): Promise<ObjectInfo[]> {
    const session = await this.session();
    if (this.shared.filename?.length)
      return Promise.all(
        (await this.manifests()).map(async (info) => ({ ...info, object: await this.read(info.resource, info.name, info.namespace) })),
      );
    if (!words.length) throw new UsageError('must specify one of -f, or a TYPE and a NAME');
    const refs = await parseTargets(words, session.resources);
    const selective = Boolean(this.shared.selector || this.shared['field-selector'] || this.shared.all);
    if (!selective && refs.some((ref) => ref.name === undefined))
      throw new UsageError('resource(s) were provided, but no name was specified');
    const found: ObjectInfo[] = [];
    for (const ref of refs)
      for (const object of await fetchObjects(session, ref, {
        ...(this.shared.selector ? { labelSelector: this.shared.selector } : {}),
        ...(this.shared['field-selector'] ? { fieldSelector: this.shared['field-selector'] } : {}),
        ...(this.shared['all-namespaces'] ? { allNamespaces: true } : {}),
      }))
        found.push(this.info(ref.resource, object));
    return found;
  }

  /** Objects of -f as the files have them, with namespaces filled in. */
  protected async manifests(): Promise<ObjectInfo[]> {
    const session = await this.session();
    const { readManifests } = await import('./kube/manifests.ts');
    const files = await readManifests(this.shared.filename ?? [], { recursive: this.shared.recursive ?? false, stdin: this.io.stdin });
    return Promise.all(
      files.map(async ({ object, source }) => {
        const resource = await session.resources.byKind(object.apiVersion ?? '', object.kind ?? '');
        const own = object.metadata.namespace;
        if (resource.namespaced && own && session.namespaceGiven && own !== session.namespace)
          throw new CommandError(
            `the namespace from the provided object "${own}" does not match the namespace "${session.namespace}". You must pass '--namespace=${own}' to perform this operation.`,
          );
        const namespace = resource.namespaced ? (own ?? session.namespace) : undefined;
        const metadata = namespace ? { ...object.metadata, namespace } : object.metadata;
        return { resource, namespace, name: object.metadata.name ?? '', object: { ...object, metadata }, source };
      }),
    );
  }

  protected info(resource: Resource, object: KubeObject): ObjectInfo {
    return { resource, namespace: object.metadata.namespace, name: object.metadata.name ?? '', object };
  }

  protected writeQuery(): Record<string, string | undefined> {
    return {
      dryRun: this.dryRun === 'server' ? 'All' : undefined,
      fieldManager: this.shared['field-manager'] ?? `slipway-${this.id.split(' ')[0]}`,
    };
  }

  protected patch(
    info: ObjectInfo,
    body: unknown,
    options: { type?: PatchType; subresource?: string; query?: Record<string, string | undefined> } = {},
  ): Promise<KubeObject> {
    const { type = 'application/merge-patch+json', subresource, query = {} } = options;
    const path = pathOf(info.resource, { namespace: info.namespace, name: info.name, subresource });
    return this.send({ method: 'PATCH', path, contentType: type, body, query: { ...this.writeQuery(), ...query } });
  }

  /** Creates it on the server, unless --dry-run=client. */
  protected async create(resource: Resource, object: KubeObject, namespace?: string): Promise<KubeObject> {
    const session = await this.session();
    const where = resource.namespaced ? (namespace ?? object.metadata.namespace ?? session.namespace) : undefined;
    const complete = where && session.namespaceGiven ? { ...object, metadata: { ...object.metadata, namespace: where } } : object;
    if (this.dryRun === 'client') return complete;
    return this.send({ method: 'POST', path: pathOf(resource, { namespace: where }), body: complete, query: this.writeQuery() });
  }

  /** `deployment.apps/web scaled`, or the object in the form that -o names. */
  protected async report(resource: Resource, object: KubeObject, verb: string): Promise<void> {
    if (this.shared.output) {
      const { objectPrinter } = await import('./output/object-printer.ts');
      const nameOf = (shown: object): string => qualifiedName(resource, (shown as KubeObject).metadata.name ?? '');
      const printer = objectPrinter(this.shared.output, { showManagedFields: this.shared['show-managed-fields'] ?? false, nameOf });
      if (printer) this.io.out(printer(object));
      return;
    }
    this.io.out(`${qualifiedName(resource, object.metadata.name ?? '')} ${verb}${this.suffix()}\n`);
  }

  protected suffix(): string {
    return this.dryRun === 'client' ? ' (dry run)' : this.dryRun === 'server' ? ' (server dry run)' : '';
  }
}
