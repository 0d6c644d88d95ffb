import type { KubeObject, ResourceName } from '../../api/meta/object.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Client } from '../client.ts';
import { createInformer, type Informer, type InformerReads } from './informer.ts';

/** One informer per resource (and selector), shared by all who ask; none runs before `start`, those asked for later run at once. */
export interface InformerFactory {
  of<T = KubeObject>(resource: ResourceName, options?: Selection): InformerReads<T>;
  start(): void;
  /** Resolves once every informer that was asked for has its first list. */
  synced(): Promise<void>;
  stop(): Promise<void>;
}

export interface Selection {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
}

export const createInformerFactory = (options: { client: Client; log: Logger; random?: () => number }): InformerFactory => {
  const informers = new Map<string, Informer<unknown>>();
  let started = false;
  return {
    of<T>(resource: ResourceName, selection: Selection = {}) {
      const { namespace = '', labelSelector = '', fieldSelector = '' } = selection;
      const id = [resource.group, resource.version, resource.plural, namespace, labelSelector, fieldSelector].join('|');
      let informer = informers.get(id);
      if (!informer) {
        informer = createInformer<unknown>({ ...options, resource, namespace, labelSelector, fieldSelector });
        informers.set(id, informer);
        if (started) informer.start();
      }
      return informer as unknown as InformerReads<T>;
    },
    start() {
      started = true;
      for (const informer of informers.values()) informer.start();
    },
    async synced() {
      await Promise.all([...informers.values()].map((informer) => informer.synced));
    },
    async stop() {
      await Promise.all([...informers.values()].map((informer) => informer.stop()));
    },
  };
};
