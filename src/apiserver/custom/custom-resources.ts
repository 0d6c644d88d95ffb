import { customResourceDefinition } from '../../api/apiextensions/custom-resource-definition.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { SCHEME, type Scheme } from '../../api/scheme.ts';
import type { CustomResourceDefinition } from '../../api/types/apiextensions-v1.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { CachedItem, WatchCache, WatchCursor } from '../watch/watch-cache.ts';
import type { WebhookClient } from '../webhooks/webhook-client.ts';
import { type CustomKind, customKinds } from './custom-kind.ts';

type Definition = KubeObject & CustomResourceDefinition;
interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime: string;
}

const FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

interface Options {
  readonly cache: WatchCache;
  readonly log: Logger;
  readonly now: () => number;
  /** For definitions that convert by webhook. */
  readonly webhooks: WebhookClient;
  /** Called with built-in and custom kinds whenever the latter change. */
  readonly publish: (scheme: Scheme) => void;
}

/**
 * Serves what CustomResourceDefinitions define: their kinds join the scheme and go through the one registry. Names are accepted first
 * come, first served; a definition that is deleted takes its objects with it.
 */
export class CustomResources {
  readonly #options: Options;
  #cursor: WatchCursor | undefined;
  #running: Promise<void> = Promise.resolve();
  #published = new Map<string, CustomKind[]>();

  constructor(options: Options) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#cursor = await this.#options.cache.resource(customResourceDefinition).watch();
    this.#pump();
    await this.#running;
  }

  async stop(): Promise<void> {
    this.#cursor?.close();
    await this.#running;
  }

  /** One round after another: each looks at all definitions, for there are few. */
  #pump(): void {
    const cursor = this.#cursor;
    if (!cursor || cursor.closed) return;
    this.#running = this.#running.then(async () => {
      let changed = false;
      while (!cursor.closed && !cursor.idle) changed = cursor.read().length > 0 || changed;
      if (changed)
        await this.#reconcile().catch((error: unknown) => this.#options.log.error('custom resources not brought up to date', { error }));
      if (!cursor.closed) cursor.onReady(() => this.#pump());
    });
  }

  async #reconcile(): Promise<void> {
    const { cache, webhooks } = this.#options;
    const { items } = await cache.resource(customResourceDefinition).list();
    const oldestFirst = [...items].sort((a, b) =>
      (a.object.metadata.creationTimestamp ?? '').localeCompare(b.object.metadata.creationTimestamp ?? ''),
    );
    const taken = new Map<string, string>();
    const next = new Map<string, CustomKind[]>();
    const definitions: { item: CachedItem; conflict: string | undefined }[] = [];
    for (const item of oldestFirst) {
      const definition = item.object as Definition;
      const conflict = conflictOf(definition, taken);
      definitions.push({ item, conflict });
      if (conflict === undefined) next.set(item.uid, customKinds(definition, webhooks));
    }
    this.#publish(next);
    for (const { item, conflict } of definitions) await this.#settle(item, conflict);
  }

  #publish(next: Map<string, CustomKind[]>): void {
    const { cache, publish } = this.#options;
    for (const [uid, kinds] of this.#published) if (!next.has(uid) && kinds[0]) cache.forget(kinds[0]);
    this.#published = next;
    publish(SCHEME.withKinds([...next.values()].flat()));
  }

  /** Conditions, and the end of a definition that is being deleted. */
  async #settle(item: CachedItem, conflict: string | undefined): Promise<void> {
    const { cache, now } = this.#options;
    const resource = cache.resource(customResourceDefinition);
    const next = item.parse() as Definition;
    if (next.metadata.deletionTimestamp) {
      if (!next.metadata.finalizers?.includes(FINALIZER)) return;
      await this.#removeObjects(next);
      next.metadata.finalizers = next.metadata.finalizers.filter((name) => name !== FINALIZER);
      await (next.metadata.finalizers.length ? resource.update(item, next) : resource.delete(item)).catch(ignoreRace);
      return;
    }
    if (!next.metadata.finalizers?.includes(FINALIZER)) next.metadata.finalizers = [...(next.metadata.finalizers ?? []), FINALIZER];
    const stored = next.spec.versions.find((version) => version.storage)?.name;
    const versions = new Set([...(next.status?.storedVersions ?? []), ...(stored ? [stored] : [])]);
    const at = new Date(now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const conditions = conditionsFor((next.status?.conditions ?? []) as Condition[], conflict, at);
    next.status = {
      conditions,
      acceptedNames: conflict === undefined ? next.spec.names : (next.status?.acceptedNames ?? { plural: '', kind: '' }),
      storedVersions: [...versions],
    };
    // No write happens where nothing differs: the round that this one causes ends here.
    await resource.update(item, next).catch(ignoreRace);
  }

  async #removeObjects(definition: Definition): Promise<void> {
    const kind = customKinds(definition, this.#options.webhooks)[0];
    if (!kind) return;
    const resource = this.#options.cache.resource({ ...kind, version: kind.storageVersion });
    for (const item of (await resource.list()).items) await resource.delete(item).catch(ignoreRace);
  }
}

/** Another write came first: it brings the next round. */
const ignoreRace = (): undefined => undefined;

const conflictOf = ({ spec, metadata }: Definition, taken: Map<string, string>): string | undefined => {
  const { names, group } = spec;
  const wanted = [names.plural, names.singular ?? names.kind.toLowerCase(), names.kind, ...(names.shortNames ?? [])].map(
    (name) => `${group}/${name}`,
  );
  const owner = metadata.uid ?? '';
  for (const name of wanted)
    if (taken.has(name) && taken.get(name) !== owner) return `${JSON.stringify(name.split('/')[1])} is already in use`;
  for (const name of wanted) taken.set(name, owner);
  return undefined;
};

const conditionsFor = (present: readonly Condition[], conflict: string | undefined, at: string): Condition[] => {
  const wanted: Omit<Condition, 'lastTransitionTime'>[] =
    conflict === undefined
      ? [
          { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
          { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' },
        ]
      : [
          { type: 'NamesAccepted', status: 'False', reason: 'PluralConflict', message: conflict },
          { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' },
        ];
  const others = present.filter((one) => !wanted.some(({ type }) => type === one.type));
  return [
    ...others,
    ...wanted.map((one) => {
      const was = present.find(({ type }) => type === one.type);
      return { ...one, lastTransitionTime: was?.status === one.status ? was.lastTransitionTime : at };
    }),
  ];
};
