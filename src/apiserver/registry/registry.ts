import { randomUUID } from 'node:crypto';
import type { Kind } from '../../api/kind.ts';
import { invalidObject } from '../../api/meta/field-error.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { alreadyExists, badRequest, notFound } from '../../api/meta/status.ts';
import { trackManagedFields } from '../../api/patch/apply.ts';
import type { Scheme } from '../../api/scheme.ts';
import { prepareForCreate, validateCreate, warningsFor } from '../../api/strategy.ts';
import type { Admission, AdmissionRequest } from '../admission/admission.ts';
import { isCustom } from '../custom/custom-kind.ts';
import type { CachedItem, ItemFilter, ItemTarget, ResourceCache, WatchCache } from '../watch/watch-cache.ts';
import { decodeBody } from './body.ts';
import { type Answer, type ApiCall, type ListAnswer, type WatchAnswer, writeOptionsOf } from './call.ts';
import { asKind } from './convert.ts';
import { deleteObject } from './delete.ts';
import { createHooks, type RegistryHooks } from './hooks.ts';
import { checkListOptions, filterOf } from './list-options.ts';
import { keyOfItem, presentCursor, presentItem, presentItems, splitFilter } from './present.ts';
import { isMismatch, writeError } from './store-errors.ts';
import { patchObject, updateObject } from './update.ts';

export interface RegistryParts {
  readonly cache: WatchCache;
  readonly scheme: () => Scheme;
  readonly admission: Admission;
  readonly now: () => number;
  readonly hooks?: RegistryHooks;
}

const NAME_TRIES = 8;
/** As upstream: Events go by themselves. */
const EVENT_LIFE = { ttlSeconds: 3600 };
const MOST_GENERATED_BASE = 58;
const NAME_CHARACTERS = 'bcdfghjklmnpqrstvwxz2456789';
const DEFAULT_WATCH_MS = 30 * 60_000;

/**
 * Create, read, list, watch, update, patch, apply, delete and deletecollection for every kind. What is special about a kind is in its
 * `Kind`; the few that touch other objects when they are written (Services and their addresses) have a hook.
 */
export class Registry {
  readonly parts: RegistryParts;
  readonly hooks: RegistryHooks;

  constructor(parts: RegistryParts) {
    this.parts = parts;
    this.hooks = parts.hooks ?? createHooks();
  }

  cacheOf(kind: Kind): ResourceCache {
    return this.parts.cache.resource(this.parts.scheme().storageKindOf(kind));
  }

  targetOf(call: ApiCall): ItemTarget {
    return { namespace: call.kind.namespaced ? call.info.namespace : '', name: call.info.name };
  }

  /** Throws 404. */
  async read(call: ApiCall): Promise<CachedItem> {
    const item = await this.cacheOf(call.kind).get(this.targetOf(call));
    if (!item) throw notFound(call.kind, call.info.name);
    return item;
  }

  async get(call: ApiCall): Promise<Answer> {
    return { type: 'item', code: 200, kind: call.kind, item: await presentItem(call.kind, await this.read(call)) };
  }

  async list(call: ApiCall): Promise<ListAnswer> {
    const options = checkListOptions(call, false);
    const { stored, shown } = splitFilter(call.kind, filterOf(call));
    const list = await this.cacheOf(call.kind).list({ ...stored, ...options });
    const items = await presentItems(call.kind, list.items);
    return { type: 'list', kind: call.kind, ...list, items: shown ? items.filter(shown) : items };
  }

  async watch(call: ApiCall): Promise<WatchAnswer> {
    const options = checkListOptions(call, true);
    const seconds = Number(call.query.get('timeoutSeconds') ?? 0);
    const { stored, shown } = splitFilter(call.kind, filterOf(call));
    const selects = shown && { shown, known: await this.#knownTo(call, { stored, shown, options }) };
    const source = await this.cacheOf(call.kind).watch({
      ...stored,
      resourceVersion: options.resourceVersion,
      sendInitialEvents: options.sendInitialEvents,
    });
    return {
      type: 'watch',
      kind: call.kind,
      cursor: presentCursor(call.kind, source, selects),
      bookmarks: call.query.get('allowWatchBookmarks') === 'true' || call.query.get('allowWatchBookmarks') === '1',
      timeoutMs: seconds > 0 ? seconds * 1000 : Math.round(DEFAULT_WATCH_MS * (1 + Math.random())),
    };
  }

  /** What a watcher with a selector over shown fields has from its list; nothing when it begins with all objects. */
  async #knownTo(
    call: ApiCall,
    given: { stored: ItemFilter; shown: (item: CachedItem) => boolean; options: { resourceVersion: string | undefined } },
  ): Promise<Set<string>> {
    const { resourceVersion } = given.options;
    if (!resourceVersion || resourceVersion === '0') return new Set();
    const { items } = await this.cacheOf(call.kind).list({ ...given.stored, resourceVersion, resourceVersionMatch: 'Exact' });
    return new Set((await presentItems(call.kind, items)).filter(given.shown).map(keyOfItem));
  }

  async create(call: ApiCall): Promise<Answer> {
    const options = writeOptionsOf(call, 'CreateOptions');
    const object = decodeBody(call, call.kind, options);
    return this.createObject(call, object, options);
  }

  /** Creates what was decoded already: also for an apply that finds nothing. */
  async createObject(
    call: ApiCall,
    object: KubeObject,
    options: { dryRun: boolean; fieldManager: string; managed?: boolean },
  ): Promise<Answer> {
    const { kind, info } = call;
    placeInNamespace(kind, object, info.namespace);
    const { metadata } = object;
    const base = metadata.generateName;
    const generates = !metadata.name && base !== undefined && base !== '';
    if (info.name && metadata.name && metadata.name !== info.name && info.verb !== 'create') throw nameMismatch(metadata.name, info.name);
    for (let attempt = 1; ; attempt++) {
      if (generates) metadata.name = generateName(base);
      try {
        return await this.#createOnce(call, object, options);
      } catch (error) {
        // Another object has just that random name: try the next one. What was set in the object before is only set again.
        const taken = generates && attempt < NAME_TRIES && (error as { reason?: string }).reason === 'AlreadyExists';
        if (!taken) throw error;
      }
    }
  }

  async #createOnce(
    call: ApiCall,
    object: KubeObject,
    options: { dryRun: boolean; fieldManager: string; managed?: boolean },
  ): Promise<Answer> {
    const { kind } = call;
    const { metadata } = object;
    const now = new Date(this.parts.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const request = admissionRequest(call, {
      operation: 'CREATE',
      object,
      old: undefined,
      dryRun: options.dryRun,
      name: metadata.name ?? '',
    });
    if (!options.managed)
      trackManagedFields(kind, { old: undefined, object, manager: options.fieldManager, operation: 'Update', subresource: '', now });
    const wait = this.parts.admission.admit(request);
    if (wait) await wait;
    metadata.uid = randomUUID();
    metadata.creationTimestamp = now;
    delete metadata.deletionTimestamp;
    delete metadata.deletionGracePeriodSeconds;
    delete metadata.selfLink;
    delete metadata.resourceVersion;
    prepareForCreate(kind, object);
    const settle = await this.hooks.beforeCreate(kind, object, options.dryRun);
    let stored = false;
    let release: ((stored: boolean) => void) | undefined;
    try {
      const errors = validateCreate(kind, object);
      if (errors.length) throw invalidObject(kind, metadata.name ?? '', errors);
      for (const line of warningsFor(kind, object, undefined)) call.warnings.push(line);
      release = await this.parts.admission.validate(request);
      const target = { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
      const resource = this.cacheOf(kind);
      if (options.dryRun) {
        if (await resource.get(target)) throw alreadyExists(kind, target.name);
        return { type: 'object', code: 201, kind, object };
      }
      const item = await resource
        .create(target, await this.toStorage(kind, object), kind.kind === 'Event' ? EVENT_LIFE : undefined)
        .catch((error: unknown) => {
          throw writeError(kind, target.name, error);
        });
      stored = true;
      return { type: 'item', code: 201, kind, item: await presentItem(kind, item) };
    } finally {
      settle?.();
      release?.(stored);
    }
  }

  update(call: ApiCall): Promise<Answer> {
    return updateObject(this, call);
  }

  patch(call: ApiCall): Promise<Answer> {
    return patchObject(this, call);
  }

  delete(call: ApiCall): Promise<Answer> {
    return deleteObject(this, call, call.info.name);
  }

  /** Deletes what a list with the same selectors shows; answers with that list. */
  async deleteCollection(call: ApiCall): Promise<Answer> {
    const list = await this.list(call);
    const waiting = [...list.items];
    const worker = async (): Promise<void> => {
      for (let item = waiting.shift(); item; item = waiting.shift()) {
        const one: ApiCall = { ...call, info: { ...call.info, namespace: item.namespace, name: item.name } };
        await deleteObject(this, one, item.name).catch((error: unknown) => {
          if ((error as { reason?: string }).reason !== 'NotFound') throw error;
        });
      }
    };
    await Promise.all(Array.from({ length: Math.min(DELETE_WORKERS, waiting.length) }, worker));
    return list;
  }

  /** Whether an update lost a race and may be tried on what is there now. */
  lostRace(error: unknown): boolean {
    return isMismatch(error);
  }

  toStorage(kind: Kind, object: KubeObject): KubeObject | Promise<KubeObject> {
    if (isCustom(kind)) return kind.onWrite(object);
    if (kind.toStorage === undefined && kind.storageVersion === kind.version && kind.storageGroup === kind.group) return object;
    return asKind(this.parts.scheme().storageKindOf(kind), kind.toStorage?.(object) ?? object);
  }
}

const DELETE_WORKERS = 8;

/** How a stored object looks in the version asked for. Frozen where it is shared. */
export const presented = (kind: Kind, item: Pick<CachedItem, 'object'>): KubeObject =>
  needsConversion(kind) ? asKind(kind, kind.fromStorage?.(item.object) ?? item.object) : item.object;

/** Custom resources are converted before: see present.ts. */
export const needsConversion = (kind: Kind): boolean =>
  (kind.storageVersion !== kind.version || kind.storageGroup !== kind.group) && !isCustom(kind);

export const admissionRequest = (
  call: ApiCall,
  what: Pick<AdmissionRequest, 'operation' | 'object' | 'old' | 'dryRun' | 'name'>,
): AdmissionRequest => ({
  ...what,
  kind: call.kind,
  subresource: call.info.subresource,
  namespace: call.kind.namespaced ? call.info.namespace : '',
  user: call.user,
  warn: (text) => call.warnings.push(text),
  mutated: { changed: false, called: new Set() },
});

export const nameMismatch = (inBody: string, inUrl: string) =>
  badRequest(`the name of the object (${inBody}) does not match the name on the URL (${inUrl})`);

/** Fills in the URL's namespace; throws 400 when the body names another. */
export const placeInNamespace = (kind: Kind, object: KubeObject, namespace: string): void => {
  const { metadata } = object;
  if (!kind.namespaced) {
    if (metadata.namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    delete metadata.namespace;
    return;
  }
  if (!metadata.namespace) metadata.namespace = namespace;
  else if (metadata.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
};

const generateName = (base: string): string => {
  let name = base.slice(0, MOST_GENERATED_BASE);
  for (let count = 0; count < 5; count++) name += NAME_CHARACTERS[Math.floor(Math.random() * NAME_CHARACTERS.length)];
  return name;
};
