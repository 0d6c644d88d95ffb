/** One node's network in a process of its own inside the node's namespace; fed and asked by a test, one JSON line each. */
import { createInterface } from 'node:readline';
import { createNodeNetwork } from '../../src/agent/network/network.ts';
import { type KubeObject, keyOf, type ResourceName, type Stored } from '../../src/api/meta/object.ts';
import type { Pod } from '../../src/api/types/core-v1.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import type { InformerHandler, InformerReads } from '../../src/client/informer/informer.ts';
import type { InformerFactory } from '../../src/client/informer/informer-factory.ts';

export type NodeCommand =
  | { id: number; do: 'set'; resource: string; object: Stored<object>; deleted?: boolean }
  | { id: number; do: 'synced' }
  | { id: number; do: 'drain'; pod: Stored<Pod>; boundMs?: number };

/** Informers that hold what they are given. */
class GivenInformer {
  readonly resource: ResourceName;
  readonly #handlers = new Set<InformerHandler<object>>();
  readonly #objects = new Map<string, Stored<object>>();
  readonly #sync = Promise.withResolvers<void>();
  hasSynced = false;

  constructor(resource: ResourceName) {
    this.resource = resource;
  }

  get synced(): Promise<void> {
    return this.#sync.promise;
  }

  markSynced(): void {
    this.hasSynced = true;
    this.#sync.resolve();
  }

  get(key: string): Stored<object> | undefined {
    return this.#objects.get(key);
  }

  list(): Stored<object>[] {
    return [...this.#objects.values()];
  }

  addIndex(): void {}

  byIndex(): Stored<object>[] {
    return [];
  }

  addHandler(handler: InformerHandler<object>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#objects.values()) handler.add?.(object);
    return () => this.#handlers.delete(handler);
  }

  set(object: Stored<object>, deleted: boolean): void {
    const key = keyOf(object as KubeObject);
    const old = this.#objects.get(key);
    if (deleted) this.#objects.delete(key);
    else this.#objects.set(key, object);
    for (const handler of this.#handlers)
      if (deleted) handler.delete?.(object);
      else if (old) handler.update?.(object, old);
      else handler.add?.(object);
  }
}

const given = new Map<string, GivenInformer>();
const informerOf = (resource: ResourceName): GivenInformer => {
  const known = given.get(resource.plural) ?? new GivenInformer(resource);
  given.set(resource.plural, known);
  return known;
};
const informers: InformerFactory = {
  of: <T>(resource: ResourceName) => informerOf(resource) as unknown as InformerReads<T>,
  start() {},
  async synced() {},
  async stop() {},
};

const config = JSON.parse(process.argv[2] as string);
const network = createNodeNetwork({ informers, config, log: createLogger({ level: 'warn' }) });
await network.start();
const tell = (answer: object): boolean => process.stdout.write(`${JSON.stringify(answer)}\n`);
network.ready().then(() => tell({ id: 0, text: 'ready' }));
tell({ id: 1, text: 'started' });

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as NodeCommand;
  if (command.do === 'set') {
    informerOf({ group: '', version: 'v1', plural: command.resource }).set(command.object, command.deleted ?? false);
    tell({ id: command.id, text: 'set' });
  } else if (command.do === 'synced') {
    for (const informer of given.values()) informer.markSynced();
    tell({ id: command.id, text: 'synced' });
  } else {
    const began = performance.now();
    network
      .awaitEndpointsDrained(command.pod, { boundMs: command.boundMs ?? 2_000 })
      .then(({ drained }) => tell({ id: command.id, text: JSON.stringify({ drained, ms: Math.round(performance.now() - began) }) }));
  }
}
await network.stop();
process.exit(0);
