import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { SlipwayError } from '../base/errors/slipway-error.ts';

/** A kubeconfig as kubectl writes it. Fields that are not named here are kept as they are. */
export interface Kubeconfig {
  apiVersion: 'v1';
  kind: 'Config';
  clusters: NamedCluster[];
  contexts: NamedContext[];
  users: NamedUser[];
  'current-context': string;
  preferences?: Record<string, unknown>;
  [field: string]: unknown;
}

export interface NamedCluster {
  name: string;
  cluster: {
    server: string;
    'certificate-authority'?: string;
    /** base64 of PEM */
    'certificate-authority-data'?: string;
    'insecure-skip-tls-verify'?: boolean;
    'tls-server-name'?: string;
    [field: string]: unknown;
  };
}

export interface NamedContext {
  name: string;
  context: { cluster: string; user: string; namespace?: string; [field: string]: unknown };
}

export interface NamedUser {
  name: string;
  user: {
    'client-certificate'?: string;
    'client-certificate-data'?: string;
    'client-key'?: string;
    'client-key-data'?: string;
    token?: string;
    tokenFile?: string;
    [field: string]: unknown;
  };
}

/** One cluster and one identity in it: what a kubeconfig of one context says. Certificates and keys are PEM text. */
export interface Connection {
  /** Name of the context; the cluster's and the user's entry are named after it. */
  name: string;
  server: string;
  /** Absent: the system's own authorities. */
  caPem?: string;
  certPem?: string;
  keyPem?: string;
  token?: string;
  namespace?: string;
  /** Name to expect in the server's certificate, where it differs from the address. */
  tlsServerName?: string;
  insecureSkipTlsVerify?: boolean;
}

/** What nobody may exceed: a kubeconfig is small. */
const MAX_TEXT_LENGTH = 4 * 1024 * 1024;

export const emptyKubeconfig = (): Kubeconfig => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [],
  contexts: [],
  users: [],
  'current-context': '',
  preferences: {},
});

/**
 * Reads the text of a kubeconfig (YAML or JSON); empty text is an empty kubeconfig. Relative paths of certificates, keys and token
 * files are made absolute from the folder of `path`, as kubectl does. Throws KUBECONFIG_INVALID naming `path`.
 */
export const parseKubeconfig = (text: string, path: string): Kubeconfig => {
  const value = parseText(text, path);
  if (value === null || value === undefined) return emptyKubeconfig();
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(path, 'it is not a mapping');
  const raw = value as Record<string, unknown>;
  const config: Kubeconfig = {
    ...emptyKubeconfig(),
    ...raw,
    clusters: entriesOf<NamedCluster>(raw, { list: 'clusters', entry: 'cluster', path }),
    contexts: entriesOf<NamedContext>(raw, { list: 'contexts', entry: 'context', path }),
    users: entriesOf<NamedUser>(raw, { list: 'users', entry: 'user', path }),
    'current-context': typeof raw['current-context'] === 'string' ? raw['current-context'] : '',
  };
  return withAbsolutePaths(config, dirname(resolve(path)));
};

export const renderKubeconfig = (config: Kubeconfig): string => stringify(config, { lineWidth: 0 });

/** kubectl's rule: the first file that names an entry, or sets the current context, wins. */
export const mergeKubeconfigs = (configs: readonly Kubeconfig[]): Kubeconfig => {
  const merged = emptyKubeconfig();
  for (const config of configs) {
    for (const [field, value] of Object.entries(config)) if (!(field in merged)) merged[field] = value;
    addMissing(merged.clusters, config.clusters);
    addMissing(merged.contexts, config.contexts);
    addMissing(merged.users, config.users);
    merged['current-context'] ||= config['current-context'];
  }
  return merged;
};

/** The files that kubectl would read: those of $KUBECONFIG, or ~/.kube/config. */
export const kubeconfigPaths = (env: Readonly<Record<string, string | undefined>> = process.env): string[] => {
  const listed = (env['KUBECONFIG'] ?? '').split(':').filter((path) => path !== '');
  return listed.length ? [...new Set(listed)] : [join(env['HOME'] || homedir(), '.kube', 'config')];
};

/** Reads and merges; files that are absent are left out, as kubectl does. */
export const loadKubeconfig = async (paths: readonly string[] = kubeconfigPaths()): Promise<Kubeconfig> => {
  const configs = await Promise.all(
    paths.map(async (path) => {
      try {
        return parseKubeconfig(await readFile(path, 'utf8'), path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return emptyKubeconfig();
        if (error instanceof SlipwayError) throw error;
        throw invalid(path, error as Error);
      }
    }),
  );
  return mergeKubeconfigs(configs);
};

/** A kubeconfig of one context, made current, with everything inside it. */
export const kubeconfigFor = (connection: Connection): Kubeconfig => {
  const { name } = connection;
  const data = (pem: string | undefined): string | undefined => (pem === undefined ? undefined : Buffer.from(pem).toString('base64'));
  return {
    ...emptyKubeconfig(),
    clusters: [
      {
        name,
        cluster: withoutAbsent({
          'certificate-authority-data': data(connection.caPem),
          'insecure-skip-tls-verify': connection.insecureSkipTlsVerify || undefined,
          server: connection.server,
          'tls-server-name': connection.tlsServerName,
        }),
      },
    ],
    contexts: [{ name, context: withoutAbsent({ cluster: name, namespace: connection.namespace, user: name }) }],
    users: [
      {
        name,
        user: withoutAbsent({
          'client-certificate-data': data(connection.certPem),
          'client-key-data': data(connection.keyPem),
          token: connection.token,
        }),
      },
    ],
    'current-context': name,
  };
};

/** Adds the entries of `added`, replacing those of the same name; `makeCurrent` takes its current context too. */
export const withEntries = (config: Kubeconfig, added: Kubeconfig, options: { makeCurrent: boolean }): Kubeconfig => ({
  ...config,
  clusters: replaceByName(config.clusters, added.clusters),
  contexts: replaceByName(config.contexts, added.contexts),
  users: replaceByName(config.users, added.users),
  'current-context': options.makeCurrent || config['current-context'] === '' ? added['current-context'] : config['current-context'],
});

/** Removes the context, cluster and user of that name; the current context too, when it was that one. */
export const withoutEntries = (config: Kubeconfig, name: string): Kubeconfig => ({
  ...config,
  clusters: config.clusters.filter((entry) => entry.name !== name),
  contexts: config.contexts.filter((entry) => entry.name !== name),
  users: config.users.filter((entry) => entry.name !== name),
  'current-context': config['current-context'] === name ? '' : config['current-context'],
});

/**
 * Resolves a context (default: the current one) to what a client needs, reading the files that it names. Throws KUBECONFIG_INVALID
 * with kubectl's wording where a name leads nowhere. Exec and auth-provider plugins are not run: they are refused by name.
 */
export const connectionOf = async (config: Kubeconfig, contextName = config['current-context']): Promise<Connection> => {
  const context = config.contexts.find((entry) => entry.name === contextName)?.context;
  if (!context) throw invalid('kubeconfig', contextName === '' ? 'current-context is not set' : `context "${contextName}" does not exist`);
  const cluster = config.clusters.find((entry) => entry.name === context.cluster)?.cluster;
  if (!cluster?.server) throw invalid('kubeconfig', `cluster "${context.cluster}" of context "${contextName}" has no server`);
  const user = config.users.find((entry) => entry.name === context.user)?.user ?? {};
  for (const plugin of ['exec', 'auth-provider'])
    if (user[plugin] !== undefined) throw invalid('kubeconfig', `user "${context.user}" uses "${plugin}", which is not supported`);
  return withoutAbsent({
    name: contextName,
    server: cluster.server,
    caPem: await pemOf(cluster['certificate-authority-data'], cluster['certificate-authority']),
    certPem: await pemOf(user['client-certificate-data'], user['client-certificate']),
    keyPem: await pemOf(user['client-key-data'], user['client-key']),
    token: user.token ?? (user.tokenFile ? (await readReferenced(user.tokenFile)).trim() : undefined),
    namespace: context.namespace,
    tlsServerName: cluster['tls-server-name'],
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'],
  });
};

const parseText = (text: string, path: string): unknown => {
  if (text.length > MAX_TEXT_LENGTH) throw invalid(path, 'it is larger than 4 MiB');
  try {
    // JSON is what programs write; it parses many times faster than YAML.
    return text.startsWith('{') ? JSON.parse(text) : parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw invalid(path, error as Error);
  }
};

const entriesOf = <T extends { name: string }>(raw: Record<string, unknown>, where: { list: string; entry: string; path: string }): T[] => {
  const list = raw[where.list] ?? [];
  if (!Array.isArray(list)) throw invalid(where.path, `${where.list} is not a list`);
  return list.map((item: unknown, index) => {
    const named = item as Record<string, unknown> | null;
    if (typeof named !== 'object' || named === null || typeof named['name'] !== 'string')
      throw invalid(where.path, `${where.list}[${index}] has no name`);
    const entry = named[where.entry] ?? {};
    if (typeof entry !== 'object') throw invalid(where.path, `${where.list}[${index}].${where.entry} is not a mapping`);
    return { ...named, [where.entry]: entry } as unknown as T;
  });
};

const withAbsolutePaths = (config: Kubeconfig, folder: string): Kubeconfig => {
  const absolute = (entry: Record<string, unknown>, field: string): void => {
    const path = entry[field];
    if (typeof path === 'string' && path !== '' && !isAbsolute(path)) entry[field] = join(folder, path);
  };
  for (const { cluster } of config.clusters) absolute(cluster, 'certificate-authority');
  for (const { user } of config.users) for (const field of ['client-certificate', 'client-key', 'tokenFile']) absolute(user, field);
  return config;
};

const addMissing = <T extends { name: string }>(into: T[], from: readonly T[]): void => {
  for (const entry of from) if (!into.some((known) => known.name === entry.name)) into.push(entry);
};

const replaceByName = <T extends { name: string }>(old: readonly T[], added: readonly T[]): T[] => [
  ...old.filter((entry) => !added.some((other) => other.name === entry.name)),
  ...added,
];

const pemOf = async (data: string | undefined, path: string | undefined): Promise<string | undefined> => {
  if (data) return Buffer.from(data, 'base64').toString('utf8');
  return path ? readReferenced(path) : undefined;
};

const readReferenced = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw invalid(path, error as Error);
  }
};

const withoutAbsent = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;

const invalid = (path: string, cause: string | Error): SlipwayError =>
  new SlipwayError('KUBECONFIG_INVALID', { tried: `read ${path}`, cause });
