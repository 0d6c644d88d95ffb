import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pod as podKind } from '../../api/core/pod.ts';
import type { Stored } from '../../api/meta/object.ts';
import { isAlreadyExists, isNotFound } from '../../api/meta/status.ts';
import { parseYaml } from '../../api/meta/yaml.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Component } from '../../base/async/component.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Client } from '../../client/client.ts';
import type { InformerReads } from '../../client/informer/informer.ts';
import { CONFIG } from './labels.ts';
import type { PodManager } from './pod-manager.ts';

const PERIOD_MS = 20_000;
const SETTLE_MS = 100;
const MAX_MANIFEST_BYTES = 1024 * 1024;

export interface StaticPodsOptions {
  directory: string;
  nodeName: string;
  client: Client;
  /** Pods of this node in the API: mirrors are among them. */
  mirrors: InformerReads<Pod>;
  manager: PodManager;
  log: Logger;
}

/** Runs the pods of a folder of manifests, with or without an API, and shows each of them there as a mirror pod. */
export class StaticPods implements Component {
  readonly name = 'static-pods';
  readonly #options: StaticPodsOptions;
  #pods: Stored<Pod>[] = [];
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #removeHandler: (() => void) | undefined;
  #working: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: StaticPodsOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { directory, mirrors } = this.#options;
    await mkdir(directory, { recursive: true });
    this.#watcher = watch(directory, () => this.#soon(SETTLE_MS));
    this.#removeHandler = mirrors.addHandler({ delete: () => this.#soon(SETTLE_MS) });
    await this.#look();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watcher?.close();
    this.#removeHandler?.();
    clearTimeout(this.#timer);
    await this.#working;
  }

  mirrorOf(pod: Stored<Pod>): Stored<Pod> | undefined {
    const { namespace, name, uid } = pod.metadata;
    const mirror = this.#options.mirrors.get(`${namespace}/${name}`);
    return mirror?.metadata.annotations?.[CONFIG.mirror] === uid ? mirror : undefined;
  }

  #soon(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#working = this.#working
        .then(() => this.#look())
        .catch((error: unknown) => this.#options.log.warn('static pods were not read', { error }));
    }, ms).unref();
  }

  async #look(): Promise<void> {
    this.#pods = await this.#read();
    this.#options.manager.setStatic(this.#pods);
    await this.#mirrorAll().catch((error: unknown) =>
      this.#options.log.debug('mirror pods are not as they should be', { error: String(error) }),
    );
    this.#soon(PERIOD_MS);
  }

  async #read(): Promise<Stored<Pod>[]> {
    const { directory, log } = this.#options;
    const pods: Stored<Pod>[] = [];
    for (const name of (await readdir(directory)).sort()) {
      if (name.startsWith('.') || !/\.(ya?ml|json|manifest)$/.test(name)) continue;
      const file = join(directory, name);
      try {
        const text = await readFile(file, 'utf8');
        if (text.length > MAX_MANIFEST_BYTES) throw new Error('manifest is too long');
        for (const document of parseYaml(text)) if (document) pods.push(this.#adopt(document as Pod, file));
      } catch (error) {
        log.warn('a manifest cannot be read', { file, error: String(error) });
      }
    }
    return pods;
  }

  /** As kubelet: the node's name is added to the pod's, and the UID follows from what the manifest says. */
  #adopt(pod: Pod, file: string): Stored<Pod> {
    if (pod.kind !== 'Pod' || !pod.spec?.containers?.length || !pod.metadata?.name) throw new Error(`${file} holds no pod`);
    const { nodeName } = this.#options;
    const uid =
      pod.metadata.uid ??
      createHash('md5')
        .update(`${nodeName}\n${file}\n${JSON.stringify(pod)}`)
        .digest('hex');
    return {
      ...pod,
      metadata: {
        ...pod.metadata,
        name: `${pod.metadata.name}-${nodeName}`,
        namespace: pod.metadata.namespace ?? 'default',
        uid,
        annotations: {
          ...pod.metadata.annotations,
          [CONFIG.hash]: uid,
          [CONFIG.seen]: new Date().toISOString(),
          [CONFIG.source]: 'file',
        },
      },
      spec: { ...pod.spec, nodeName, tolerations: [...(pod.spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }] },
    };
  }

  async #mirrorAll(): Promise<void> {
    const { client, mirrors, nodeName } = this.#options;
    if (!mirrors.hasSynced) return;
    for (const mirror of mirrors.list()) {
      const own = mirror.metadata.annotations?.[CONFIG.mirror];
      if (own === undefined || this.#pods.some(({ metadata }) => metadata.uid === own && metadata.name === mirror.metadata.name)) continue;
      const { namespace, name = '', uid } = mirror.metadata;
      await client
        .delete(podKind, { namespace, name }, { gracePeriodSeconds: 0, ...(uid ? { preconditions: { uid } } : {}) })
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
    }
    for (const pod of this.#pods) {
      if (this.mirrorOf(pod)) continue;
      const { uid = '', namespace, name, labels, annotations } = pod.metadata;
      const node = await client.get<{ metadata: { uid?: string } }>({ group: '', version: 'v1', plural: 'nodes' }, { name: nodeName });
      const mirror: Pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          namespace,
          labels,
          annotations: { ...annotations, [CONFIG.mirror]: uid },
          ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: node.metadata.uid ?? '', controller: true }],
        },
        spec: pod.spec,
      };
      await client.create(podKind, mirror, { namespace }).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
    }
  }
}
