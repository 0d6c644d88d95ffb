import { readFile } from 'node:fs/promises';
import type { ApiRequest } from '../../api/transport.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { createRestTransport, type RestTransport } from '../../client/rest/rest-transport.ts';
import { type Kubeconfig, kubeconfigPaths, loadKubeconfig } from '../../pki/kubeconfig.ts';
import { durationMs } from '../args/duration.ts';
import { booleanFlag, type Flags, integerFlag, listFlag, textFlag, type Values } from '../args/flags.ts';
import type { Io } from '../io.ts';
import { followCluster, isDue } from './follow-cluster.ts';
import { ResourceCatalog } from './resource-catalog.ts';
import { tunnelFor } from './session-tunnel.ts';

const global = { helpGroup: 'global' } as const;

/** kubectl's global flags. */
export const KUBE_FLAGS = {
  namespace: textFlag('Namespace of this request', { char: 'n', ...global }),
  context: textFlag('Name of the kubeconfig context', global),
  cluster: textFlag('Name of the kubeconfig cluster', global),
  user: textFlag('Name of the kubeconfig user', global),
  kubeconfig: textFlag('Path of the kubeconfig file', global),
  server: textFlag('Address of the API server', { char: 's', ...global }),
  token: textFlag('Bearer token', global),
  as: textFlag('User to act as', global),
  'as-group': listFlag('Groups to act as', global),
  'as-uid': textFlag('UID to act as', { hidden: true, ...global }),
  'request-timeout': textFlag('How long one request may take (0: no limit)', { default: '0', ...global }),
  'tls-server-name': textFlag("Name to expect in the server's certificate", global),
  'insecure-skip-tls-verify': booleanFlag("Do not check the server's certificate", global),
  'certificate-authority': textFlag('File of the authority that signed the server', global),
  'client-certificate': textFlag('File of the client certificate', global),
  'client-key': textFlag('File of the client key', global),
  'cache-dir': textFlag('Accepted and unused', { hidden: true, ...global }),
  'match-server-version': booleanFlag('Accepted and unused', { hidden: true, ...global }),
  'warnings-as-errors': booleanFlag('Exit with 1 when the server warns', global),
  v: integerFlag('How much to tell on stderr: 6 shows requests', { char: 'v', default: 0, ...global }),
} as const satisfies Flags;

export type KubeValues = Values<typeof KUBE_FLAGS>;

/** Where the API server is and who asks: what raw connections (exec, port-forward) need. */
export interface Endpoint {
  server: string;
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  token?: string | undefined;
  serverName?: string | undefined;
  insecureSkipTlsVerify?: boolean | undefined;
  impersonate?: { user: string; groups?: readonly string[] } | undefined;
}

/** One cluster as one command sees it. */
export interface Session {
  readonly endpoint: Endpoint;
  readonly contextName: string;
  /** Of -n, else of the context, else `default`. */
  readonly namespace: string;
  readonly namespaceGiven: boolean;
  readonly transport: RestTransport;
  readonly resources: ResourceCatalog;
  warnings(): number;
  close(): Promise<void>;
}

/** Reads the kubeconfig with kubectl's rules and makes a connection that is opened by the first request. */
export const openSession = async (flags: KubeValues, io: Io): Promise<Session> => {
  const paths = flags.kubeconfig ? [flags.kubeconfig] : kubeconfigPaths(io.env);
  const config = await loadKubeconfig(paths);
  const contextName = flags.context ?? config['current-context'];
  let { endpoint, namespace } = await resolveEndpoint(config, contextName, flags, io);
  if (isDue(contextName, endpoint.cert, Date.now()) && (await followCluster(contextName, io)))
    ({ endpoint, namespace } = await resolveEndpoint(await loadKubeconfig(paths), contextName, flags, io));
  const tunnel = flags.server ? undefined : await tunnelFor(contextName, endpoint, io);
  if (tunnel) endpoint = { ...endpoint, server: tunnel.server };
  let warnings = 0;
  const transport = watched(
    createRestTransport({
      servers: [endpoint.server],
      ca: endpoint.ca,
      cert: endpoint.cert,
      key: endpoint.key,
      token: endpoint.token,
      serverName: endpoint.serverName,
      insecureSkipTlsVerify: endpoint.insecureSkipTlsVerify,
      impersonate: endpoint.impersonate,
      userAgent: 'slipway',
    }),
    {
      onWarning: (text) => {
        warnings += 1;
        io.err(`Warning: ${text}\n`);
      },
      onRequest: flags.v >= 6 ? (line) => io.err(`${line}\n`) : undefined,
      timeoutMs: durationMs(flags['request-timeout']),
      server: endpoint.server,
    },
  );
  return {
    endpoint,
    contextName,
    namespace: flags.namespace ?? namespace ?? 'default',
    namespaceGiven: flags.namespace !== undefined,
    transport,
    resources: new ResourceCatalog(() => transport),
    warnings: () => warnings,
    close: async () => {
      await transport.close();
      await tunnel?.close();
    },
  };
};

const resolveEndpoint = async (
  config: Kubeconfig,
  contextName: string,
  flags: KubeValues,
  io: Io,
): Promise<{ endpoint: Endpoint; namespace: string | undefined }> => {
  const named = config.contexts.find((context) => context.name === contextName);
  if (flags.context && !named)
    throw missing(`use context ${flags.context}`, `context "${flags.context}" does not exist`, ['slipway config get-contexts']);
  const inCluster = !named && !flags.server ? await inClusterEndpoint(io) : undefined;
  if (inCluster) return inCluster;
  const clusterName = flags.cluster ?? named?.context.cluster;
  const userName = flags.user ?? named?.context.user;
  const cluster = config.clusters.find((entry) => entry.name === clusterName)?.cluster;
  const user = config.users.find((entry) => entry.name === userName)?.user ?? {};
  const server = flags.server ?? cluster?.server;
  if (!server)
    throw new SlipwayError('CONNECTION_REFUSED', {
      tried: 'reach a cluster',
      cause: contextName ? `context "${contextName}" names no cluster` : 'no kubeconfig names one',
      advice: ['slipway up', 'slipway config get-contexts'],
    });
  const credentials = flags.token ? {} : await credentialsOf(user, flags);
  return {
    namespace: named?.context.namespace,
    endpoint: {
      server: server.includes('://') ? server : `https://${server}`,
      ca: flags['certificate-authority']
        ? await read(flags['certificate-authority'])
        : await pem(cluster?.['certificate-authority-data'], cluster?.['certificate-authority']),
      ...credentials,
      ...(flags.token ? { token: flags.token } : {}),
      serverName: flags['tls-server-name'] ?? cluster?.['tls-server-name'],
      insecureSkipTlsVerify: flags['insecure-skip-tls-verify'] || cluster?.['insecure-skip-tls-verify'],
      impersonate: flags.as ? { user: flags.as, ...(flags['as-group'].length ? { groups: flags['as-group'] } : {}) } : undefined,
    },
  };
};

const credentialsOf = async (user: Kubeconfig['users'][number]['user'], flags: KubeValues): Promise<Partial<Endpoint>> => {
  const exec = user['exec'] as ExecPlugin | undefined;
  if (exec?.command) return (await import('./exec-credential.ts')).runExecPlugin(exec);
  return {
    cert: flags['client-certificate']
      ? await read(flags['client-certificate'])
      : await pem(user['client-certificate-data'], user['client-certificate']),
    key: flags['client-key'] ? await read(flags['client-key']) : await pem(user['client-key-data'], user['client-key']),
    token: user.token ?? (user.tokenFile ? (await read(user.tokenFile)).trim() : undefined),
  };
};

/** `users[].user.exec` of a kubeconfig. */
export interface ExecPlugin {
  apiVersion?: string;
  command: string;
  args?: string[];
  env?: { name: string; value: string }[];
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

const inClusterEndpoint = async (io: Io): Promise<{ endpoint: Endpoint; namespace: string } | undefined> => {
  const host = io.env['KUBERNETES_SERVICE_HOST'];
  if (!host) return undefined;
  const [token, ca, namespace] = await Promise.all(
    ['token', 'ca.crt', 'namespace'].map((file) => readFile(`${SERVICE_ACCOUNT}/${file}`, 'utf8').catch(() => undefined)),
  );
  if (!token) return undefined;
  const address = host.includes(':') ? `[${host}]` : host;
  return {
    namespace: namespace?.trim() || 'default',
    endpoint: { server: `https://${address}:${io.env['KUBERNETES_SERVICE_PORT'] ?? '443'}`, token: token.trim(), ca },
  };
};

const pem = async (data: string | undefined, path: string | undefined): Promise<string | undefined> =>
  data ? Buffer.from(data, 'base64').toString('utf8') : path ? read(path) : undefined;

const read = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw missing(`read ${path}`, error as Error, []);
  }
};

const missing = (tried: string, cause: string | Error, advice: readonly string[]): SlipwayError =>
  new SlipwayError('KUBECONFIG_INVALID', { tried, cause, advice });

interface Observers {
  onWarning: (text: string) => void;
  onRequest: ((line: string) => void) | undefined;
  timeoutMs: number;
  server: string;
}

/** The transport with warnings shown, requests told and each one's time limited. */
const watched = (transport: RestTransport, observers: Observers): RestTransport => {
  const told = async <T>(request: ApiRequest, work: (request: ApiRequest) => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    const limit = observers.timeoutMs > 0 ? AbortSignal.timeout(observers.timeoutMs) : undefined;
    const signal = limit && request.signal ? AbortSignal.any([limit, request.signal]) : (limit ?? request.signal);
    try {
      return await work(signal ? { ...request, signal } : request);
    } catch (error) {
      if (limit?.aborted)
        throw new SlipwayError('TIMEOUT', {
          tried: `${request.method} ${request.path}`,
          cause: `no answer within ${observers.timeoutMs} ms`,
        });
      throw error;
    } finally {
      observers.onRequest?.(`${request.method} ${observers.server}${request.path} in ${Math.round(performance.now() - startedAt)} ms`);
    }
  };
  return {
    send: (request) =>
      told(request, async (limited) => {
        const response = await transport.send(limited);
        for (const warning of response.warnings) observers.onWarning(warning);
        return response;
      }),
    watch: (request) => transport.watch(request),
    stream: (request) => transport.stream(request),
    renew: (credentials) => transport.renew(credentials),
    setServers: (urls) => transport.setServers(urls),
    close: () => transport.close(),
  };
};
