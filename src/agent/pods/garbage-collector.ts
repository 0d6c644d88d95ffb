import { readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Component } from '../../base/async/component.ts';
import { isCriNotFound } from '../cri/cri-client.ts';
import type { PodContext } from './pod-context.ts';
import type { PodManager } from './pod-manager.ts';
import type { RuntimeContainer } from './runtime-state.ts';

const PERIOD_MS = 60_000;
const FIRST_MS = 30_000;
/** Images go when the disk is fuller than this, until it is emptier than that. */
const HIGH_FRACTION = 0.85;
const LOW_FRACTION = 0.8;
/** An image that was in use this recently stays. */
const MIN_IMAGE_AGE_MS = 120_000;

export interface GarbageCollectorOptions {
  context: PodContext;
  manager: PodManager;
  pauseImage: string;
  rootDir: string;
}

/** Removes ended containers that nobody asks for any more, sandboxes and logs without a pod, and images when the disk fills. */
export class GarbageCollector implements Component {
  readonly name = 'garbage-collector';
  readonly #options: GarbageCollectorOptions;
  readonly #lastUsed = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;

  constructor(options: GarbageCollectorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#timer = setTimeout(() => this.#tick(), FIRST_MS).unref();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
  }

  #tick(): void {
    this.#timer = setTimeout(() => this.#tick(), PERIOD_MS).unref();
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.collect()
      .catch((error: unknown) => this.#options.context.log.warn('garbage collection failed', { error }))
      .finally(() => {
        this.#isRunning = false;
      });
  }

  async collect(): Promise<void> {
    await this.#containers();
    await this.#logs();
    await this.#images();
  }

  /** Of every container name the newest run and the one before stay: logs and the last state come from them. */
  async #containers(): Promise<void> {
    const { context, manager } = this.#options;
    for (const worker of manager.workers()) {
      const { state } = worker;
      if (!state) continue;
      const seen = new Map<string, number>();
      const old = state.containers.filter(({ name, state: now }) => {
        const count = (seen.get(name) ?? 0) + 1;
        seen.set(name, count);
        return now === 'exited' && count > 2;
      });
      await Promise.all(old.map((container) => this.#removeContainer(container)));
      const kept = new Set(state.containers.filter((container) => !old.includes(container)).map(({ sandboxId }) => sandboxId));
      for (const { id, ready } of state.sandboxes.slice(1))
        if (!ready && !kept.has(id)) await context.cri.removePodSandbox({ podSandboxId: id }).catch(() => {});
      if (old.length > 0) worker.kick();
    }
  }

  async #removeContainer({ id, logPath }: RuntimeContainer): Promise<void> {
    await this.#options.context.cri.removeContainer({ containerId: id }).catch((error: unknown) => {
      if (!isCriNotFound(error)) throw error;
    });
    if (logPath) await rm(logPath, { force: true });
  }

  async #logs(): Promise<void> {
    const { context, manager } = this.#options;
    const known = new Set([...manager.workers()].map(({ pod }) => pod.metadata.uid));
    const inRuntime = new Set((await context.cri.listPodSandbox({})).items.map(({ metadata }) => metadata?.uid));
    for (const name of await readdir(context.podLogsDir).catch(() => [])) {
      const uid = name.split('_')[2];
      if (uid && !known.has(uid) && !inRuntime.has(uid)) await rm(join(context.podLogsDir, name), { recursive: true, force: true });
    }
  }

  async #images(): Promise<void> {
    const { context, manager, pauseImage, rootDir } = this.#options;
    const [{ images }, { containers }] = await Promise.all([context.cri.listImages(), context.cri.listContainers({})]);
    const used = new Set(containers.flatMap(({ imageRef, imageId, image }) => [imageRef, imageId, image?.image ?? '']));
    const shown = new Set([...manager.workers()].flatMap(({ pod }) => (pod.spec?.volumes ?? []).map(({ image }) => image?.reference)));
    for (const { id, repoTags, repoDigests } of images) if ([...repoTags, ...repoDigests].some((name) => shown.has(name))) used.add(id);
    const now = context.now();
    for (const { id, repoTags } of images)
      if (used.has(id) || !this.#lastUsed.has(id) || repoTags.includes(pauseImage)) this.#lastUsed.set(id, now);
    for (const id of this.#lastUsed.keys()) if (!images.some((image) => image.id === id)) this.#lastUsed.delete(id);
    const { bavail, blocks, bsize } = await statfs(rootDir);
    if (1 - bavail / blocks < HIGH_FRACTION) return;
    let toFree = (LOW_FRACTION * -1 + 1) * blocks * bsize - bavail * bsize;
    const candidates = images
      .filter(({ id, pinned, repoTags }) => !pinned && !used.has(id) && !repoTags.includes(pauseImage))
      .filter(({ id }) => now - (this.#lastUsed.get(id) ?? now) > MIN_IMAGE_AGE_MS)
      // An image that no registry has cannot come back: those of this cluster stay.
      .filter(({ repoTags }) => !repoTags.some((tag) => tag.startsWith('registry.slipway.local/')))
      .sort((a, b) => (this.#lastUsed.get(a.id) ?? 0) - (this.#lastUsed.get(b.id) ?? 0));
    for (const { id, size } of candidates) {
      if (toFree <= 0) return;
      await context.cri.removeImage({ image: { image: id } });
      context.log.info('image removed: the disk is filling', { image: id });
      toFree -= size;
    }
  }
}
