import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { isCustom } from '../custom/custom-kind.ts';
import type { CachedItem, ItemFilter, WatchCacheEvent, WatchCursor } from '../watch/watch-cache.ts';

/** A stored object as a version of its definition shows it: converted, and with the defaults of that version. */
class PresentedItem implements CachedItem {
  readonly object: KubeObject;
  readonly #source: CachedItem;
  #bytes: Buffer | undefined;

  constructor(source: CachedItem, object: KubeObject) {
    this.#source = source;
    this.object = object;
  }

  get namespace(): string {
    return this.#source.namespace;
  }
  get name(): string {
    return this.#source.name;
  }
  get revision(): number {
    return this.#source.revision;
  }
  get uid(): string {
    return this.#source.uid;
  }
  get labels(): Readonly<Record<string, string>> {
    return this.#source.labels;
  }
  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(JSON.stringify(this.object));
    return this.#bytes;
  }
  parse(): KubeObject {
    return structuredClone(this.object);
  }
  field(name: string): string {
    return this.#source.field(name);
  }
}

/** What was made of an item for a kind: webhooks are asked once. Kinds of a definition that changed are new ones. */
const known = new WeakMap<Kind, WeakMap<CachedItem, CachedItem>>();

/**
 * Stored items as the kind shows them. Built-in kinds convert where they are encoded; custom ones may need a webhook, so it is done
 * here, before anything looks at the objects.
 */
export const presentItems = (kind: Kind, items: readonly CachedItem[]): readonly CachedItem[] | Promise<readonly CachedItem[]> => {
  if (!isCustom(kind) || !kind.onRead) return items;
  let made = known.get(kind);
  if (!made) {
    made = new WeakMap();
    known.set(kind, made);
  }
  const memory = made;
  const missing = items.filter((item) => !memory.has(item));
  const all = (): readonly CachedItem[] => items.map((item) => memory.get(item) as CachedItem);
  const keep = (objects: readonly KubeObject[]): void => {
    for (const [at, item] of missing.entries()) {
      const object = objects[at] as KubeObject;
      memory.set(item, object === item.object ? item : new PresentedItem(item, object));
    }
  };
  if (missing.length === 0) return all();
  const objects = kind.onRead(missing.map((item) => item.object));
  if (objects instanceof Promise)
    return objects.then((ready) => {
      keep(ready);
      return all();
    });
  keep(objects);
  return all();
};

export const presentItem = async (kind: Kind, item: CachedItem): Promise<CachedItem> => {
  if (!isCustom(kind) || !kind.onRead) return item;
  return (await presentItems(kind, [item]))[0] as CachedItem;
};

/** What of a filter is asked of objects as they are shown: their fields differ between versions. The rest is answered by the cache. */
export const splitFilter = (kind: Kind, filter: ItemFilter): { stored: ItemFilter; shown: ((item: CachedItem) => boolean) | undefined } => {
  const own = filter.fields?.filter(({ name }) => name in kind.selectableFields) ?? [];
  if (!isCustom(kind) || !kind.onRead || own.length === 0) return { stored: filter, shown: undefined };
  return {
    stored: { ...filter, fields: filter.fields?.filter((field) => !own.includes(field)) },
    shown: ({ object }) =>
      own.every(({ name, operator, value }) => (kind.selectableFields[name]?.(object) === value) === (operator === '=')),
  };
};

/** A watch whose events show what `presentItems` makes. One batch at a time is converted: a watcher that does not read buffers no more. */
export const presentCursor = (kind: Kind, source: WatchCursor, selects?: Selects): WatchCursor =>
  isCustom(kind) && kind.onRead ? new PresentedCursor(kind, source, selects) : source;

/** `known`: the keys of the objects that the watcher knows already. */
export interface Selects {
  readonly shown: (item: CachedItem) => boolean;
  readonly known: Set<string>;
}

export const keyOfItem = ({ namespace, name }: CachedItem): string => `${namespace}/${name}`;

/** An event as one sees it who selects: objects come when they begin to match and go when they no longer do. */
const selected = (event: WatchCacheEvent, { shown, known }: Selects): WatchCacheEvent | undefined => {
  if (event.type === 'BOOKMARK') return event;
  const key = keyOfItem(event.item);
  const was = known.has(key);
  const is = event.type !== 'DELETED' && shown(event.item);
  if (is) known.add(key);
  else known.delete(key);
  if (is)
    return was || event.type === 'ADDED' ? event : withItem({ ...event, type: 'ADDED' }, new PresentedItem(event.item, event.item.object));
  if (!was) return undefined;
  return event.type === 'DELETED' ? event : withItem({ ...event, type: 'DELETED' }, new PresentedItem(event.item, event.item.object));
};

const NOTHING: readonly WatchCacheEvent[] = Object.freeze([]);

class PresentedCursor implements WatchCursor {
  readonly #kind: Kind;
  readonly #source: WatchCursor;
  readonly #selects: Selects | undefined;
  #ready: readonly WatchCacheEvent[] = NOTHING;
  #revision: number;
  #converting = false;
  #failed: unknown;
  #callback: (() => void) | undefined;

  constructor(kind: Kind, source: WatchCursor, selects: Selects | undefined) {
    this.#kind = kind;
    this.#selects = selects;
    this.#source = source;
    this.#revision = source.revision;
  }

  read(maxBytes?: number): readonly WatchCacheEvent[] {
    if (this.#failed !== undefined) throw this.#failed;
    // What a selector leaves out is passed over.
    while (this.#ready.length === 0 && !this.#converting && !this.#source.idle) this.#fetch(maxBytes);
    const events = this.#ready;
    this.#ready = NOTHING;
    return events;
  }

  readBytes(maxBytes?: number): Buffer | undefined {
    const events = this.read(maxBytes);
    return events.length ? Buffer.concat(events.map((event) => event.bytes)) : undefined;
  }

  #select(events: WatchCacheEvent[]): readonly WatchCacheEvent[] {
    const selects = this.#selects;
    return selects ? events.flatMap((event) => selected(event, selects) ?? []) : events;
  }

  #fetch(maxBytes: number | undefined): void {
    const events = this.#source.read(maxBytes);
    if (events.length === 0) {
      this.#revision = this.#source.revision;
      return;
    }
    const revision = this.#source.revision;
    const real = events.filter((event) => event.type !== 'BOOKMARK');
    const items = presentItems(
      this.#kind,
      real.map((event) => event.item),
    );
    const deliver = (shown: readonly CachedItem[]): void => {
      let at = 0;
      this.#ready = this.#select(events.map((event) => (event.type === 'BOOKMARK' ? event : withItem(event, shown[at++] as CachedItem))));
      this.#revision = revision;
    };
    if (!(items instanceof Promise)) {
      deliver(items);
      return;
    }
    this.#converting = true;
    items
      .then(deliver, (error: unknown) => {
        this.#failed = error;
      })
      .finally(() => {
        this.#converting = false;
        const callback = this.#callback;
        this.#callback = undefined;
        callback?.();
      });
  }

  onReady(callback: () => void): void {
    if (this.#ready.length > 0 || this.#failed !== undefined) queueMicrotask(callback);
    else if (this.#converting) this.#callback = callback;
    else this.#source.onReady(callback);
  }

  get idle(): boolean {
    return this.#source.idle && !this.#converting && this.#ready.length === 0;
  }
  get revision(): number {
    return this.#revision;
  }
  get closed(): boolean {
    return this.#source.closed;
  }
  bookmark(): WatchCacheEvent {
    const event = this.#source.bookmark();
    const { apiVersion, kind } = { apiVersion: `${this.#kind.group}/${this.#kind.version}`, kind: this.#kind.kind };
    return withItem(event, new PresentedItem(event.item, { ...event.item.object, apiVersion, kind }));
  }
  close(): void {
    this.#source.close();
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  }

  async *batches(signal: AbortSignal): AsyncIterable<readonly WatchCacheEvent[]> {
    for await (const batch of this.#source.batches(signal)) {
      const shown = await presentItems(
        this.#kind,
        batch.map((event) => event.item),
      );
      const events = this.#select(batch.map((event, at) => withItem(event, shown[at] as CachedItem)));
      if (events.length) yield events;
    }
  }
}

const withItem = (event: WatchCacheEvent, item: CachedItem): WatchCacheEvent =>
  item === event.item
    ? event
    : {
        type: event.type,
        revision: event.revision,
        item,
        get bytes() {
          return Buffer.from(`${JSON.stringify({ type: event.type, object: item.object })}\n`);
        },
      };
