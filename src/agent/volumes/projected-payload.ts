import type { Stored } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from '../../api/types/core-v1.ts';
import { fieldText, type NodeFacts, resourceText } from '../pods/field-ref.ts';
import type { ProjectedFile } from './atomic-writer.ts';
import type { ObjectReader } from './object-reader.ts';
import type { TokenSource } from './token-source.ts';

export interface PayloadSources {
  objects: ObjectReader;
  tokens: TokenSource;
  node: NodeFacts;
}

const DEFAULT_MODE = 0o644;
const DEFAULT_TOKEN_SECONDS = 3600;

/** Whether a volume's files come from the API and follow it while the pod runs. */
export const isProjected = ({ configMap, secret, projected, downwardAPI }: Volume): boolean =>
  Boolean(configMap ?? secret ?? projected ?? downwardAPI);

/** The files of a configMap, secret, downwardAPI or projected volume. Rejects with words that fit a FailedMount event. */
export const projectedPayload = async (pod: Stored<Pod>, volume: Volume, sources: PayloadSources): Promise<Map<string, ProjectedFile>> => {
  const files = new Map<string, ProjectedFile>();
  const { configMap, secret, downwardAPI, projected } = volume;
  const add = (path: string, file: ProjectedFile): void => {
    if (path.startsWith('/') || path.split('/').includes('..')) throw new Error(`path ${JSON.stringify(path)} leaves the volume`);
    files.set(path, file);
  };
  const namespace = pod.metadata.namespace ?? '';
  const addConfigMap = async (name: string, options: ObjectOptions): Promise<void> => {
    const object = await orOptional(sources.objects.configMap(namespace, name), options.optional);
    addKeys(add, entriesOf(object), { ...options, what: `configmap references non-existent config key` });
  };
  const addSecret = async (name: string, options: ObjectOptions): Promise<void> => {
    const object = await orOptional(sources.objects.secret(namespace, name), options.optional);
    addKeys(add, secretEntries(object), { ...options, what: 'references non-existent secret key' });
  };
  if (configMap) await addConfigMap(configMap.name ?? '', { ...configMap, mode: configMap.defaultMode ?? DEFAULT_MODE });
  if (secret) await addSecret(secret.secretName ?? '', { ...secret, mode: secret.defaultMode ?? DEFAULT_MODE });
  if (downwardAPI) addFields(add, downwardAPI.items, { pod, node: sources.node, mode: downwardAPI.defaultMode ?? DEFAULT_MODE });
  for (const source of projected?.sources ?? []) {
    const mode = projected?.defaultMode ?? DEFAULT_MODE;
    if (source.configMap) await addConfigMap(source.configMap.name ?? '', { ...source.configMap, mode });
    if (source.secret) await addSecret(source.secret.name ?? '', { ...source.secret, mode });
    if (source.downwardAPI) addFields(add, source.downwardAPI.items, { pod, node: sources.node, mode });
    if (source.serviceAccountToken) add(source.serviceAccountToken.path, await tokenFile(pod, source.serviceAccountToken, sources, mode));
    refuseUnknown(source);
  }
  return files;
};

interface ObjectOptions {
  items?: KeyToPath[];
  optional?: boolean;
  mode: number;
}

const refuseUnknown = (source: VolumeProjection): void => {
  if (source.clusterTrustBundle) throw new Error('projected source clusterTrustBundle is not supported on this node');
  if (source.podCertificate) throw new Error('projected source podCertificate is not supported on this node');
};

const orOptional = async <T>(reading: Promise<T>, optional: boolean | undefined): Promise<T | undefined> => {
  try {
    return await reading;
  } catch (error) {
    if (optional && isNotFound(error)) return undefined;
    throw error;
  }
};

const entriesOf = (object: ConfigMap | undefined): Map<string, Buffer> | undefined =>
  object &&
  new Map([
    ...Object.entries(object.data ?? {}).map(([key, value]): [string, Buffer] => [key, Buffer.from(value)]),
    ...Object.entries(object.binaryData ?? {}).map(([key, value]): [string, Buffer] => [key, Buffer.from(value, 'base64')]),
  ]);

const secretEntries = (object: Secret | undefined): Map<string, Buffer> | undefined =>
  object && new Map(Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));

const addKeys = (
  add: (path: string, file: ProjectedFile) => void,
  entries: Map<string, Buffer> | undefined,
  { items, mode, optional, what }: ObjectOptions & { what: string },
): void => {
  if (!entries) return;
  if (!items?.length) {
    for (const [key, data] of entries) add(key, { data, mode });
    return;
  }
  for (const item of items) {
    const data = entries.get(item.key);
    if (data) add(item.path, { data, mode: item.mode ?? mode });
    else if (!optional) throw new Error(`${what}: ${item.key}`);
  }
};

const addFields = (
  add: (path: string, file: ProjectedFile) => void,
  items: readonly DownwardAPIVolumeFile[] | undefined,
  { pod, node, mode }: { pod: Stored<Pod>; node: NodeFacts; mode: number },
): void => {
  for (const item of items ?? []) {
    const { resourceFieldRef, fieldRef } = item;
    const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
    const container = containers.find(({ name }) => name === resourceFieldRef?.containerName);
    const ips = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
    const text =
      resourceFieldRef && container
        ? resourceText(container, resourceFieldRef, node)
        : fieldRef
          ? fieldText(pod, fieldRef.fieldPath, node, ips)
          : '';
    add(item.path, { data: Buffer.from(text), mode: item.mode ?? mode });
  }
};

/** Where all containers run as one user, the token is that user's alone; otherwise it keeps the volume's mode. */
const tokenFile = async (
  pod: Stored<Pod>,
  projection: ServiceAccountTokenProjection,
  sources: PayloadSources,
  mode: number,
): Promise<ProjectedFile> => {
  const token = await sources.tokens.token(pod, {
    audience: projection.audience,
    expirationSeconds: projection.expirationSeconds ?? DEFAULT_TOKEN_SECONDS,
  });
  const shared = pod.spec?.securityContext;
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const users = new Set(containers.map(({ securityContext }) => securityContext?.runAsUser ?? shared?.runAsUser));
  const [user] = users;
  const file: ProjectedFile = { data: Buffer.from(token), mode };
  if (shared?.fsGroup !== undefined) return { ...file, mode: 0o600 };
  return users.size === 1 && user !== undefined ? { ...file, mode: 0o600, uid: user } : file;
};
