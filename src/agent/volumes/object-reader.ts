import { configMap } from '../../api/core/config-map.ts';
import { secret } from '../../api/core/secret.ts';
import type { ConfigMap, Secret } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';

/** ConfigMaps and Secrets of pods of this node: the only ones that the Node authorizer lets an agent read. */
export interface ObjectReader {
  /** Reject with the API's Status: NotFound, Forbidden. May be up to `maxAgeMs` old. */
  configMap(namespace: string, name: string): Promise<ConfigMap>;
  secret(namespace: string, name: string): Promise<Secret>;
}

const MAX_AGE_MS = 1000;
const MAX_ENTRIES = 2000;

/** Pods that start together, or are refreshed together, share one request for an object that they share. */
export const createObjectReader = (client: Client, now: () => number): ObjectReader => {
  const cache = new Map<string, { at: number; reading: Promise<unknown> }>();
  const read = <T>(kind: typeof configMap | typeof secret, namespace: string, name: string): Promise<T> => {
    const key = `${kind.plural}/${namespace}/${name}`;
    const entry = cache.get(key);
    if (entry && now() - entry.at < MAX_AGE_MS) return entry.reading as Promise<T>;
    const reading = client.get<T>(kind, { namespace, name });
    cache.delete(key);
    cache.set(key, { at: now(), reading });
    if (cache.size > MAX_ENTRIES) cache.delete(cache.keys().next().value ?? '');
    // A failure is for those who wait for it, not for those who come later.
    reading.catch(() => cache.delete(key));
    return reading;
  };
  return {
    configMap: (namespace, name) => read(configMap, namespace, name),
    secret: (namespace, name) => read(secret, namespace, name),
  };
};
