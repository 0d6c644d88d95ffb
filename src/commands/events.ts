import { age } from '../api/meta/columns.ts';
import { booleanFlag, type Flags, listFlag, textFlag } from '../cli/args/flags.ts';
import { type EventLike, eventTime } from '../cli/describe/events.ts';
import { fetchPages, objectsOfBody } from '../cli/kube/fetch.ts';
import { changes } from '../cli/kube/get-watch.ts';
import { builtinResource } from '../cli/kube/resource-catalog.ts';
import { KubeCommand } from '../cli/kube-command.ts';
import { objectPrinter } from '../cli/output/object-printer.ts';
import { renderRows } from '../cli/output/text-table.ts';

const flags = {
  'all-namespaces': booleanFlag('Of every namespace', { char: 'A' }),
  for: textFlag('Only about this object: TYPE/NAME'),
  types: listFlag('Only of these types: Normal, Warning'),
  watch: booleanFlag('Go on as they come', { char: 'w' }),
  'no-headers': booleanFlag('Without the line of headers'),
  output: textFlag('json, yaml, name, ...', { char: 'o' }),
} as const satisfies Flags;

const EVENTS = builtinResource('events');
type FullEvent = EventLike & { involvedObject?: { kind?: string; name?: string } };

export default class Events extends KubeCommand<typeof flags> {
  static override summary = 'Show events, oldest first';
  static override usage = '[--for=TYPE/NAME] [-A] [-w] [flags]';
  static override examples = ['slipway events', 'slipway events --for=pod/web -w', 'slipway events --types=Warning -A'];
  static override flags = flags;

  async run(): Promise<void> {
    const session = await this.session();
    const options = { allNamespaces: this.flags['all-namespaces'], ...(await this.selector()), signal: this.signal };
    const printer = objectPrinter(this.flags.output, { nameOf: (object) => `event/${(object as FullEvent).metadata.name}` });
    const events: FullEvent[] = [];
    const version = await fetchPages(session, { resource: EVENTS }, options, (body) =>
      events.push(...(objectsOfBody(body, EVENTS) as FullEvent[])),
    );
    const wanted = events.filter((event) => this.matches(event)).sort((one, other) => (eventTime(one) < eventTime(other) ? -1 : 1));
    const widths: number[] = [];
    if (printer) this.io.out(printer({ apiVersion: 'v1', items: wanted, kind: 'List', metadata: { resourceVersion: '' } }));
    else if (wanted.length)
      this.io.out(renderRows([...(this.flags['no-headers'] ? [] : [this.header()]), ...wanted.map((event) => this.row(event))], widths));
    else if (!this.flags.watch)
      this.io.err(this.flags['all-namespaces'] ? 'No events found.\n' : `No events found in ${session.namespace} namespace.\n`);
    if (!this.flags.watch) return;
    for await (const { type, object } of changes(session, { resource: EVENTS, name: undefined }, options, { resourceVersion: version }))
      if (type !== 'DELETED' && this.matches(object as FullEvent))
        this.io.out(printer ? printer(object) : renderRows([this.row(object as FullEvent)], widths));
  }

  private async selector(): Promise<{ fieldSelector?: string }> {
    const word = this.flags.for;
    if (!word) return {};
    const [type = '', name = ''] = word.split('/');
    const resource = await (await this.session()).resources.byArgument(type);
    return { fieldSelector: `involvedObject.kind=${resource.kind},involvedObject.name=${name}` };
  }

  private matches(event: FullEvent): boolean {
    const { types } = this.flags;
    return !types.length || types.some((type) => type.toLowerCase() === event.type?.toLowerCase());
  }

  private header(): string[] {
    return [...(this.flags['all-namespaces'] ? ['NAMESPACE'] : []), 'LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'];
  }

  private row(event: FullEvent): string[] {
    const seen = age(eventTime(event), Date.now());
    const object = `${event.involvedObject?.kind ?? ''}/${event.involvedObject?.name ?? ''}`;
    return [
      ...(this.flags['all-namespaces'] ? [event.metadata.namespace ?? ''] : []),
      seen,
      event.type ?? '',
      event.reason ?? '',
      object,
      (event.message ?? '').trim(),
    ];
  }
}
