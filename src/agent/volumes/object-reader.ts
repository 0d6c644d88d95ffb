import { configMap } from '../../api/core/config-map.ts';
import { secret } from '../../api/core/secret.ts';
import type { ResourceName } from '../../api/meta/object.ts';
import type { ConfigMap, Secret } from '../../api/types/core-v1.ts';
import type { ObjectMeta } from '../../api/types/meta-v1.ts';
import type { Client } from '../../client/client.ts';

/** ConfigMaps and Secrets of pods of this node: the only ones that the Node authorizer lets an agent read. */
export interface ObjectReader {
  /** Reject with the API's Status: NotFound, Forbidden. May be a second old. */
  configMap(namespace: string, name: string): Promise<ConfigMap>;
  secret(namespace: string, name: string): Promise<Secret>;
  /** Told by a watch what an object is now: answers whether that is other than what was read last, and forgets that. */
  isNews(resource: ResourceName, object: { metadata?: ObjectMeta }, change: 'set' | 'gone'): boolean;
}

const MAX_AGE_MS = 1000;
const MAX_VERSIONS = 5000;

/** Pods that start together, or are refreshed together, share one request for an object that they share. */
export const createObjectReader = (client: Client): ObjectReader => {
  const readings = new Map<string, Promise<unknown>>();
  /** resourceVersions as they were read last. */
  const versions = new Map<string, string>();
  const keyOf = (resource: ResourceName, namespace: string, name: string): string => `${resource.plural}/${namespace}/${name}`;
  const read = <T extends { metadata?: ObjectMeta }>(resource: ResourceName, namespace: string, name: string): Promise<T> => {
    const key = keyOf(resource, namespace, name);
    const known = readings.get(key);
    if (known) return known as Promise<T>;
    const reading = client.get<T>(resource, { namespace, name });
    readings.set(key, reading);
    const forget = (): void => {
      if (readings.get(key) === reading) readings.delete(key);
    };
    setTimeout(forget, MAX_AGE_MS).unref();
    reading.then(({ metadata }) => {
      versions.delete(key);
      versions.set(key, metadata?.resourceVersion ?? '');
      if (versions.size > MAX_VERSIONS) versions.delete(versions.keys().next().value ?? '');
      // A failure is for those who wait for it, not for those who come later.
    }, forget);
    return reading;
  };
  return {
    configMap: (namespace, name) => read(configMap, namespace, name),
    secret: (namespace, name) => read(secret, namespace, name),
    isNews: (resource, { metadata }, change) => {
      const key = keyOf(resource, metadata?.namespace ?? '', metadata?.name ?? '');
      if (change === 'set' && versions.get(key) === metadata?.resourceVersion) return false;
      readings.delete(key);
      versions.delete(key);
      return true;
    },
  };
};
