import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../base/log/logger.ts';
import type { CriClient } from '../cri/cri-client.ts';
import * as Cri from '../cri/cri-types.ts';
import { runtimeEvents } from '../cri/runtime-events.ts';
import { LABEL } from './labels.ts';
import type { RuntimeReader } from './runtime-state.ts';

/** With events a list only catches what they missed; without them it is all there is. */
const LIST_WITH_EVENTS_MS = 15_000;
const LIST_WITHOUT_EVENTS_MS = 1000;
const RECONNECT_MS = 1000;
const SETTLE_MS = [2, 5, 10, 20, 40, 80, 160, 320, 640];

export interface WatcherOptions {
  cri: CriClient;
  socketPath: string;
  reader: RuntimeReader;
  log: Logger;
  /** Containers or sandboxes of this pod are not as they were. */
  changed(podUid: string): void;
  /** After every list: who has anything in the runtime. */
  listed(pods: ReadonlyMap<string, { name: string; namespace: string }>): void;
}

/** Watches the runtime for containers that end, start or vanish. */
export class RuntimeWatcher {
  readonly #options: WatcherOptions;
  readonly #abort = new AbortController();
  #seen = new Map<string, string>();
  #hasEvents = false;
  #listedAt = 0;
  #running: Promise<unknown> | undefined;
  #listing: Promise<void> | undefined;
  /** When the runtime last answered, for the node's Ready condition. */
  lastAnswerAt = 0;
  lastError = '';

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = Promise.all([this.#listLoop(), this.#eventLoop()]);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #listLoop(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      const dueMs = this.#hasEvents && this.lastError === '' ? LIST_WITH_EVENTS_MS : LIST_WITHOUT_EVENTS_MS;
      if (Date.now() - this.#listedAt >= dueMs) await this.#list();
      await sleep(LIST_WITHOUT_EVENTS_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #eventLoop(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        this.#hasEvents = true;
        for await (const id of runtimeEvents({ ...this.#options, signal })) {
          void this.#settled(id);
        }
      } catch (error) {
        this.#options.log.debug('the runtime gives no events', { error: String(error) });
      }
      this.#hasEvents = false;
      await sleep(RECONNECT_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** The runtime's own books lag a little behind its events: looks until they show the end. */
  async #settled(id: string): Promise<void> {
    const { cri, reader, changed } = this.#options;
    for (const ms of SETTLE_MS) {
      await sleep(ms);
      const answer = await cri.containerStatus({ containerId: id }).catch(() => undefined);
      if (answer?.status?.state !== Cri.ContainerState.CONTAINER_RUNNING) break;
    }
    const uid = reader.ownerOf(id);
    if (uid) changed(uid);
    else await this.#list();
  }

  #list(): Promise<void> {
    this.#listing ??= this.#listNow().finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  async #listNow(): Promise<void> {
    const { cri, reader, log, changed, listed } = this.#options;
    this.#listedAt = Date.now();
    try {
      const [{ items }, { containers }] = await Promise.all([cri.listPodSandbox({}), cri.listContainers({})]);
      this.lastAnswerAt = Date.now();
      this.lastError = '';
      const pods = new Map<string, { name: string; namespace: string }>();
      const parts = new Map<string, string[]>();
      for (const item of [...items, ...containers]) {
        const uid = item.labels[LABEL.podUid] ?? '';
        reader.learn(item.id, uid);
        parts.set(uid, [...(parts.get(uid) ?? []), `${item.id}:${item.state}`]);
        pods.set(uid, { name: item.labels[LABEL.podName] ?? '', namespace: item.labels[LABEL.podNamespace] ?? '' });
      }
      const seen = new Map([...parts].map(([uid, list]) => [uid, list.sort().join()]));
      const before = this.#seen;
      this.#seen = seen;
      for (const uid of new Set([...before.keys(), ...seen.keys()])) if (before.get(uid) !== seen.get(uid)) changed(uid);
      reader.forget({ sandboxIds: new Set(items.map(({ id }) => id)), containerIds: new Set(containers.map(({ id }) => id)) });
      listed(pods);
    } catch (error) {
      if (this.lastError === '') log.warn('the container runtime does not answer', { error: String(error) });
      this.lastError = error instanceof Error ? error.message : String(error);
    }
  }
}
