import { configMap } from '../../api/core/config-map.ts';
import { secret } from '../../api/core/secret.ts';
import type { ResourceName } from '../../api/meta/object.ts';
import type { ConfigMap, Pod, Secret } from '../../api/types/core-v1.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Client } from '../../client/client.ts';
import { createInformer, type Informer } from '../../client/informer/informer.ts';

/** In every pod's token volume, and changes only when the cluster's authority does: reading it now and then is enough. */
const ROOT_CA = 'kube-root-ca.crt';

export interface ObjectWatchesOptions {
  client: Client;
  log: Logger;
  /** An object is there, is another or is gone. Answers whether that is news; if not, nobody is told. */
  isNews(resource: ResourceName, object: ConfigMap | Secret, change: 'set' | 'gone'): boolean;
  /** The files of this pod are to be written anew. */
  changed(podUid: string): void;
}

interface Watched {
  informer: Informer<ConfigMap | Secret>;
  pods: Set<string>;
}

/**
 * Watches the ConfigMaps and Secrets that volumes of this node's pods show: one watch for each object, which is all that the Node
 * authorizer lets an agent see, for as long as a pod uses it.
 */
export class ObjectWatches {
  readonly #options: ObjectWatchesOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: ObjectWatchesOptions) {
    this.#options = options;
  }

  /** Watches what the pod's volumes name. Idempotent. */
  follow(pod: Pod): void {
    const { uid = '', namespace = '' } = pod.metadata ?? {};
    for (const { resource, name } of referencedObjects(pod)) {
      const key = `${resource.plural}/${namespace}/${name}`;
      let watched = this.#watched.get(key);
      if (!watched) {
        watched = { informer: this.#watch(resource, { key, namespace, name }), pods: new Set() };
        this.#watched.set(key, watched);
        watched.informer.start();
      }
      watched.pods.add(uid);
    }
  }

  unfollow(podUid: string): void {
    for (const [key, { informer, pods }] of this.#watched)
      if (pods.delete(podUid) && pods.size === 0) {
        this.#watched.delete(key);
        void informer.stop();
      }
  }

  async stop(): Promise<void> {
    const all = [...this.#watched.values()];
    this.#watched.clear();
    await Promise.all(all.map(({ informer }) => informer.stop()));
  }

  #watch(resource: ResourceName, { key, namespace, name }: { key: string; namespace: string; name: string }): Watched['informer'] {
    const { client, log, isNews, changed } = this.#options;
    const informer = createInformer<ConfigMap | Secret>({ client, log, resource, namespace, fieldSelector: `metadata.name=${name}` });
    const tell = (object: ConfigMap | Secret, change: 'set' | 'gone'): void => {
      if (isNews(resource, object, change)) for (const uid of this.#watched.get(key)?.pods ?? []) changed(uid);
    };
    informer.addHandler({
      add: (object) => tell(object, 'set'),
      update: (object) => tell(object, 'set'),
      delete: (object) => tell(object, 'gone'),
    });
    return informer;
  }
}

const referencedObjects = ({ spec }: Pod): { resource: ResourceName; name: string }[] => {
  const found: { resource: ResourceName; name: string }[] = [];
  const add = (resource: ResourceName, name: string | undefined): void => {
    if (name && !(resource === configMap && name === ROOT_CA)) found.push({ resource, name });
  };
  for (const { configMap: map, secret: hidden, projected } of spec?.volumes ?? []) {
    add(configMap, map?.name);
    add(secret, hidden?.secretName);
    for (const source of projected?.sources ?? []) {
      add(configMap, source.configMap?.name);
      add(secret, source.secret?.name);
    }
  }
  return found;
};
