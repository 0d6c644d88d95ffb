import { isNotFound } from '../api/meta/status.ts';
import { booleanFlag, type Flags, integerFlag, listFlag, textFlag } from '../cli/args/flags.ts';
import { forEachItem, UsageError } from '../cli/errors.ts';
import { type FetchOptions, fetchObjects, fetchPages } from '../cli/kube/fetch.ts';
import { watchObjects, watchTables } from '../cli/kube/get-watch.ts';
import { FILE_FLAGS, SELECTOR_FLAGS } from '../cli/kube/object-flags.ts';
import { qualifiedName } from '../cli/kube/resource-catalog.ts';
import type { Session } from '../cli/kube/session.ts';
import { createTablePrinter, isTable, type ServerTable } from '../cli/kube/tables.ts';
import { parseTargets, type TargetRef } from '../cli/kube/targets.ts';
import { KubeCommand } from '../cli/kube-command.ts';
import { type ObjectPrinter, objectPrinter } from '../cli/output/object-printer.ts';
import { sortByPath } from '../cli/output/sort-by.ts';

const flags = {
  ...SELECTOR_FLAGS,
  ...FILE_FLAGS,
  output: textFlag('json, yaml, wide, name, jsonpath=T, go-template=T, custom-columns=C', { char: 'o' }),
  'all-namespaces': booleanFlag('Of every namespace', { char: 'A' }),
  watch: booleanFlag('Then show changes', { char: 'w' }),
  'watch-only': booleanFlag('Show only changes'),
  'output-watch-events': booleanFlag('Show what kind of change it was'),
  'show-labels': booleanFlag('Add a column of all labels'),
  'label-columns': listFlag('Add a column for each of these labels', { char: 'L' }),
  'no-headers': booleanFlag('Without the line of headers'),
  'sort-by': textFlag('Order by this field, a JSONPath'),
  'show-kind': booleanFlag('Name the type before each name'),
  'show-managed-fields': booleanFlag('Keep managedFields in JSON and YAML'),
  'ignore-not-found': booleanFlag('An object that is not there is no error'),
  'chunk-size': integerFlag('How many objects to ask for at a time; 0 for all at once', { default: 500 }),
  'server-print': booleanFlag('Accepted; tables are always laid out by the server', { default: true, hidden: true }),
  subresource: textFlag('Read this subresource', { hidden: true }),
  raw: textFlag('Send a GET for this path and print the answer'),
} as const satisfies Flags;

export default class Get extends KubeCommand<typeof flags> {
  static override summary = 'Show objects';
  static override usage = '(TYPE[,TYPE2] [NAME...] | TYPE/NAME...) [-o FORMAT] [-l SELECTOR] [-w] [flags]';
  static override examples = [
    'slipway get pods',
    'slipway get deployment web -o yaml',
    'slipway get pods,services -A -o wide',
    "slipway get pods -l app=web -o jsonpath='{.items[*].status.podIP}'",
    'slipway get pods -w',
  ];
  static override flags = flags;

  async run(): Promise<void> {
    const session = await this.session();
    if (this.flags.raw) return this.getRaw(session, this.flags.raw);
    const refs = await this.targets(session);
    const printer = objectPrinter(this.flags.output, {
      showManagedFields: this.flags['show-managed-fields'],
      headers: !this.flags['no-headers'],
      nameOf: (object) => this.nameOf(object, refs),
    });
    if (this.flags.watch || this.flags['watch-only']) return this.watch(session, refs, printer);
    if (printer) return this.printObjects(session, refs, printer);
    return this.printTables(session, refs);
  }

  private async getRaw(session: Session, path: string): Promise<void> {
    const url = new URL(path, 'https://server');
    const { body } = await session.transport.send({ method: 'GET', path: url.pathname, query: Object.fromEntries(url.searchParams) });
    this.io.out(typeof body === 'string' ? body : `${JSON.stringify(body)}\n`);
  }

  private async targets(session: Session): Promise<TargetRef[]> {
    if (this.flags.filename.length) {
      const { readManifests } = await import('../cli/kube/manifests.ts');
      const manifests = await readManifests(this.flags.filename, { recursive: this.flags.recursive, stdin: this.io.stdin });
      return Promise.all(
        manifests.map(async ({ object }) => ({
          resource: await session.resources.byKind(object.apiVersion ?? '', object.kind ?? ''),
          name: object.metadata.name,
        })),
      );
    }
    if (!this.args.length)
      throw new UsageError(
        "You must specify the type of resource to get. Use 'slipway api-resources' for a complete list of supported resources.",
      );
    return parseTargets(this.args, session.resources);
  }

  private fetchOptions(): FetchOptions {
    return {
      ...(this.flags.selector ? { labelSelector: this.flags.selector } : {}),
      ...(this.flags['field-selector'] ? { fieldSelector: this.flags['field-selector'] } : {}),
      allNamespaces: this.flags['all-namespaces'],
      chunkSize: this.flags['chunk-size'],
    };
  }

  /** An object's `pod/web`. */
  private nameOf(object: object, refs: readonly TargetRef[]): string {
    const { kind, metadata } = object as { kind?: string; metadata?: { name?: string } };
    const resource = refs.find((ref) => ref.resource.kind === kind)?.resource ?? refs[0]?.resource;
    return resource ? qualifiedName(resource, metadata?.name ?? '') : (metadata?.name ?? '');
  }

  private async printObjects(session: Session, refs: readonly TargetRef[], printer: ObjectPrinter): Promise<void> {
    const objects: object[] = [];
    await this.finishing(
      () => this.each(refs, async (ref) => void objects.push(...(await fetchObjects(session, ref, this.fetchOptions())))),
      () => {
        const sorted = this.flags['sort-by'] ? sortByPath(objects, this.flags['sort-by']) : objects;
        const single = refs.length === 1 && refs[0]?.name !== undefined;
        if (single && sorted[0]) this.io.out(printer(sorted[0]));
        else if (!single && !(sorted.length === 0 && this.flags.output === 'name'))
          this.io.out(printer({ apiVersion: 'v1', items: sorted, kind: 'List', metadata: { resourceVersion: '' } }));
      },
    );
  }

  private async printTables(session: Session, refs: readonly TargetRef[]): Promise<void> {
    const several = new Set(refs.map((ref) => `${ref.resource.plural}.${ref.resource.group}`)).size > 1;
    const sortBy = this.flags['sort-by'];
    const groups = new Map<TargetRef['resource'], ServerTable>();
    const fetchOne = async (ref: TargetRef): Promise<void> => {
      const addPage = (body: unknown): void => {
        const page = isTable(body) ? body : plainTable(body);
        const known = groups.get(ref.resource);
        if (known) known.rows.push(...page.rows);
        else groups.set(ref.resource, page);
      };
      await fetchPages(session, ref, { ...this.fetchOptions(), table: sortBy ? 'object' : 'metadata' }, addPage);
    };
    await this.finishing(
      () => this.each(refs, fetchOne),
      (complete) => {
        const filled = [...groups].filter(([, table]) => table.rows.length);
        for (const [index, [resource, table]] of filled.entries()) {
          if (sortBy) table.rows = sortByPath(table.rows, sortBy, (row) => row.object);
          const prefix = several || this.flags['show-kind'] ? qualifiedName(resource, '') : '';
          if (index > 0) this.io.out('\n');
          this.io.out(createTablePrinter(this.tableOptions(prefix, resource.namespaced))(table));
        }
        if (complete && !filled.length && !this.flags['ignore-not-found'] && refs.every((ref) => ref.name === undefined))
          this.sayNothingFound(session, refs);
      },
    );
  }

  private sayNothingFound(session: Session, refs: readonly TargetRef[]): void {
    const scoped = refs.some((ref) => ref.resource.namespaced) && !this.flags['all-namespaces'];
    this.io.err(scoped ? `No resources found in ${session.namespace} namespace.\n` : 'No resources found\n');
  }

  private tableOptions(namePrefix: string, namespaced: boolean) {
    return {
      wide: this.flags.output === 'wide',
      headers: !this.flags['no-headers'],
      withNamespace: this.flags['all-namespaces'] && namespaced,
      showLabels: this.flags['show-labels'],
      labelColumns: this.flags['label-columns'],
      namePrefix,
    };
  }

  private async watch(session: Session, refs: readonly TargetRef[], printer: ObjectPrinter | undefined): Promise<void> {
    const [ref] = refs;
    if (refs.length !== 1 || !ref) throw new UsageError('you may only specify a single resource type when watching');
    const options = {
      ...this.fetchOptions(),
      listFirst: !this.flags['watch-only'],
      showEvents: this.flags['output-watch-events'],
      signal: this.signal,
      out: (text: string) => this.io.out(text),
    };
    if (printer) await watchObjects(session, ref, { ...options, printer });
    else
      await watchTables(session, ref, {
        ...options,
        layout: this.tableOptions(this.flags['show-kind'] ? qualifiedName(ref.resource, '') : '', ref.resource.namespaced),
      });
  }

  /** All targets, also after one failed; an object that is not there may be forgiven. */
  private each(refs: readonly TargetRef[], work: (ref: TargetRef) => Promise<void>): Promise<void> {
    return forEachItem(refs, async (ref) => {
      try {
        await work(ref);
      } catch (error) {
        if (!(this.flags['ignore-not-found'] && isNotFound(error))) throw error;
      }
    });
  }

  /** What was found is shown before what failed is told. */
  private async finishing(work: () => Promise<void>, show: (complete: boolean) => void): Promise<void> {
    const failure = await work().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    show(failure === undefined);
    if (failure) throw failure.error;
  }
}

/** What a server without tables gets: names and nothing else. */
const plainTable = (body: unknown): ServerTable => {
  const { items } = body as { items?: { metadata: { name?: string } }[] };
  const objects = items ?? [body as { metadata: { name?: string } }];
  return {
    kind: 'Table',
    columnDefinitions: [{ name: 'Name', type: 'string' }],
    rows: objects.map((object) => ({ cells: [object.metadata.name], object: object as never })),
  };
};
