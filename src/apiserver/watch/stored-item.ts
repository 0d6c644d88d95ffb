import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { type RevisionedBytes, withRevision } from './stored-bytes.ts';
import type { CachedItem } from './watch-cache.ts';

/** The fields that lists and watches select by. */
interface ItemFacts {
  uid: string;
  labels: Readonly<Record<string, string>>;
  owners: readonly string[];
  fields: Readonly<Record<string, string>>;
}

/** One version of one object. What it selects by comes from the writer's object, or from parsing on first use. */
export class StoredItem implements CachedItem {
  readonly namespace: string;
  readonly name: string;
  /** `namespace/name`: its place in the order of lists. */
  readonly key: string;
  readonly revision: number;
  readonly stored: RevisionedBytes;
  readonly #kind: Kind;
  #facts: ItemFacts | undefined;
  #object: KubeObject | undefined;

  constructor(options: { kind: Kind; key: string; value: Uint8Array; revision: number; facts?: ItemFacts | undefined }) {
    const { key } = options;
    const slash = key.indexOf('/');
    this.#kind = options.kind;
    this.key = key;
    this.namespace = slash < 0 ? '' : key.slice(0, slash);
    this.name = slash < 0 ? key : key.slice(slash + 1);
    this.revision = options.revision;
    this.stored = withRevision(options.value, options.revision);
    this.#facts = options.facts;
  }

  get bytes(): Buffer {
    return this.stored.bytes;
  }

  get uid(): string {
    return this.facts.uid;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.facts.labels;
  }

  /** The uids of its owners. */
  get owners(): readonly string[] {
    return this.facts.owners;
  }

  get facts(): ItemFacts {
    this.#facts ??= factsOf(this.#kind, this.#object ?? this.parse());
    return this.#facts;
  }

  get object(): KubeObject {
    this.#object ??= deepFreeze(this.parse());
    return this.#object;
  }

  /** The writer's object, for users in the process: spares parsing it. Parts of it may be frozen already, when they are an older one's. */
  adopt(object: KubeObject): void {
    this.#object = deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(this.revision) } });
  }

  /** Whoever still wants the object of this version has it made again. */
  letGo(): void {
    this.#object = undefined;
  }

  parse(): KubeObject {
    return JSON.parse(this.bytes.toString()) as KubeObject;
  }

  field(name: string): string {
    if (name === 'metadata.name') return this.name;
    if (name === 'metadata.namespace') return this.namespace;
    return this.facts.fields[name] ?? '';
  }
}

export const factsOf = (kind: Kind, object: KubeObject): ItemFacts => {
  const { metadata } = object;
  const fields: Record<string, string> = {};
  for (const name in kind.selectableFields) fields[name] = kind.selectableFields[name]?.(object) ?? '';
  return {
    uid: metadata.uid ?? '',
    labels: metadata.labels ?? NONE,
    owners: metadata.ownerReferences?.map((owner) => owner.uid) ?? NO_OWNERS,
    fields,
  };
};

const NONE: Readonly<Record<string, string>> = Object.freeze({});
const NO_OWNERS: readonly string[] = Object.freeze([]);

/** All but managed fields: more than half of the objects inside an object, and nobody but the registry, which copies them, looks there. */
const deepFreeze = <T extends object>(value: T): T => {
  Object.freeze(value);
  for (const field in value) {
    const inner = value[field];
    if (typeof inner === 'object' && inner !== null && field !== 'managedFields' && !Object.isFrozen(inner)) deepFreeze(inner);
  }
  return value;
};
