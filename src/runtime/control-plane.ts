import { existsSync, unwatchFile, watchFile } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ServerConfig } from '../api/config/server-config.ts';
import type { Transport, UserInfo } from '../api/transport.ts';
import { ApiServer, type ApiServerOptions, type ApiServerPki } from '../apiserver/api-server.ts';
import { type Component, startComponents, stopComponents } from '../base/async/component.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { Logger } from '../base/log/logger.ts';
import { AddressKeeper } from '../base/net/address-keeper.ts';
import { createClient } from '../client/create-client.ts';
import { createRestTransport } from '../client/rest/rest-transport.ts';
import type { CertificateSigner, ControllersConfig, RootCa } from '../controllers/controller.ts';
import { createControllerManager } from '../controllers/controller-manager.ts';
import { authorityOf } from '../pki/leaf-certificate.ts';
import { createTokenAuthority, replaceableTokenAuthority, signingKeysIn, type TokenAuthority } from '../pki/service-account-tokens.ts';
import { createScheduler } from '../scheduler/scheduler.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { type Store, StoreError } from '../store/store.ts';
import { DiscoveryResponder } from './discovery-responder.ts';
import { openCloud } from './open-cloud.ts';
import { readNamed, ServerCredentials, type ServerSecrets } from './server-credentials.ts';

/** A running control plane, or the parts of one that `components` names. */
export interface ControlPlane {
  /** The port of the API; undefined where no API server runs in this process. */
  readonly port: number | undefined;
  /** A road to the API inside this process, or over HTTPS where it runs elsewhere. */
  transportFor(user: UserInfo): Transport;
  /** Stops everything in order, then closes the store. Never throws. */
  stop(): Promise<void>;
}

export interface ControlPlaneOptions {
  config: ServerConfig;
  log: Logger;
}

/**
 * Opens the store and starts the parts: the API server first, then those that are its clients. In one process they share its watch
 * cache; apart from it they speak HTTPS as the identity of `kubeconfigFile`, which must be allowed to impersonate theirs.
 * Throws CONFIG_INVALID, STORE_CORRUPT, STORE_FULL, ADDRESS_IN_USE.
 */
export const startControlPlane = async ({ config, log }: ControlPlaneOptions): Promise<ControlPlane> => {
  const has = (name: ServerConfig['components'][number]): boolean => config.components.includes(name);
  const started: Component[] = [];
  let store: Store | undefined;
  const stop = async (): Promise<void> => {
    await stopComponents(started, log);
    await store?.close().catch((error: unknown) => log.error('the store failed to close', { error }));
  };
  const start = async (component: Component): Promise<void> => {
    await startComponents([component], log);
    started.push(component);
  };
  try {
    let apiServer: ApiServer | undefined;
    if (has('apiserver')) {
      const address = addressOf(config, log, (change) => apiServer?.moved(change));
      await start(address);
      const credentials = new ServerCredentials({
        config,
        address: () => address.current,
        log: log.child({ component: 'credentials' }),
      });
      await start(credentials);
      const tokens = replaceableTokenAuthority(tokenAuthority(config, credentials.current));
      store = await openStore(config, log);
      const pki = apiServerPki(credentials.current);
      const server = new ApiServer(
        apiServerOptions({
          config,
          address: address.current,
          pki,
          tokens: tokens.authority,
          store,
          log: log.child({ component: 'apiserver' }),
        }),
      );
      apiServer = server;
      await start(server).catch((error: unknown) => {
        throw listenError(error, config);
      });
      credentials.onChange((secrets) => {
        tokens.replace(tokenAuthority(config, secrets));
        return server.renew(apiServerPki(secrets));
      });
      if (address.former) await server.moved({ from: address.former, to: address.current });
      await start(
        new DiscoveryResponder({
          trustPem: () => credentials.current.caPem,
          servers: () => [`https://${address.current}:${server.port}`],
          log: log.child({ component: 'discovery' }),
        }),
      );
    }
    const transportFor = apiServer ? apiServer.localTransport.bind(apiServer) : await remoteTransports(config);
    if (has('scheduler')) {
      const client = createClient(transportFor({ name: 'system:kube-scheduler', groups: ['system:authenticated'] }));
      await start(createScheduler({ client, log }));
    }
    if (has('controllers')) {
      const cloud = await openCloud(config);
      const settings = { ...controllersConfig(config), ...(cloud ? { cloud } : {}) };
      await start(createControllerManager({ transportFor, config: settings, log: log.child({ component: 'controllers' }) }));
    }
    return { port: apiServer?.port, transportFor, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

const tokenAuthority = (config: ServerConfig, { signingKeys }: ServerSecrets): TokenAuthority =>
  createTokenAuthority({ issuer: config.pki.serviceAccountIssuer, ...signingKeysIn(signingKeys) });

const apiServerPki = ({ caPem, serving, agentClient }: ServerSecrets): ApiServerPki => ({
  caPem,
  certPem: serving.certPem,
  keyPem: serving.keyPem,
  agentClientCertPem: agentClient.certPem,
  agentClientKeyPem: agentClient.keyPem,
});

const openStore = async (config: ServerConfig, log: Logger): Promise<Store> => {
  const { store } = config;
  switch (store.kind) {
    case 'memory':
      return createMemoryStore();
    case 'sqlite':
      return openSqliteStore({ path: store.path, log: log.child({ component: 'store' }) }).catch((error: unknown) => {
        throw storeError(error, store.path);
      });
    case 'etcd':
      throw new SlipwayError('CONFIG_INVALID', { tried: 'open the store', cause: 'store.kind etcd is not in this version' });
  }
};

const storeError = (error: unknown, path: string): unknown => {
  const tried = `open the store ${path}`;
  if (!(error instanceof StoreError)) return new SlipwayError('CONFIG_INVALID', { tried, cause: error as Error });
  if (error.kind === 'StoreCorrupt')
    return new SlipwayError('STORE_CORRUPT', { tried, cause: error, advice: [`mv ${path} ${path}.damaged`] });
  if (error.kind === 'StoreFull') return new SlipwayError('STORE_FULL', { tried, cause: error, advice: [`df -h ${path}`] });
  return error;
};

/** Where this machine is reached; remembered beside the store, where there is one. */
const addressOf = (config: ServerConfig, log: Logger, moved: (change: { from: string; to: string }) => Promise<void> | undefined) =>
  new AddressKeeper({
    configured: config.advertiseAddress,
    file: join(config.store.kind === 'sqlite' ? dirname(config.store.path) : tmpdir(), `server-address-${config.securePort}.json`),
    log: log.child({ component: 'address' }),
    moved: (change) => {
      moved(change)?.catch((error: unknown) => log.error('the new address could not be told', { error }));
    },
    ...(config.store.kind === 'sqlite' ? {} : { links: () => [] }),
  });

const apiServerOptions = (given: {
  config: ServerConfig;
  address: string;
  pki: ApiServerPki;
  tokens: TokenAuthority;
  store: Store;
  log: Logger;
}): ApiServerOptions => {
  const { config, address, pki, tokens, store, log } = given;
  return {
    store,
    log,
    bindAddress: config.bindAddress,
    port: config.securePort,
    advertiseAddress: address,
    serviceCidr: config.serviceCidr,
    nodePortRange: config.nodePortRange,
    podEvictionSeconds: config.podEvictionSeconds,
    disabledAdmission: config.disableAdmissionPlugins,
    pki,
    tokens,
  };
};

const listenError = (error: unknown, config: ServerConfig): unknown => {
  const { code } = error as NodeJS.ErrnoException;
  const tried = `listen on ${config.bindAddress}:${config.securePort}`;
  if (code === 'EADDRINUSE') return new SlipwayError('ADDRESS_IN_USE', { tried, cause: 'another program listens there' });
  if (code === 'EADDRNOTAVAIL') return new SlipwayError('CONFIG_INVALID', { tried, cause: 'bindAddress is no address of this machine' });
  return error;
};

const remoteTransports = async (config: ServerConfig): Promise<(user: UserInfo) => Transport> => {
  // Read only where it is needed: YAML takes a while to load.
  const { connectionOf, loadKubeconfig } = await import('../pki/kubeconfig.ts');
  const path = config.kubeconfigFile ?? '';
  const connection = await connectionOf(await loadKubeconfig([path]));
  return (user) =>
    createRestTransport({
      servers: [connection.server],
      ca: connection.caPem,
      cert: connection.certPem,
      key: connection.keyPem,
      token: connection.token,
      serverName: connection.tlsServerName,
      insecureSkipTlsVerify: connection.insecureSkipTlsVerify,
      impersonate: { user: user.name, groups: user.groups.filter((group) => group !== 'system:authenticated') },
    });
};

const controllersConfig = (config: ServerConfig): ControllersConfig => ({
  nodeMonitorGraceSeconds: config.nodeMonitorGraceSeconds,
  podEvictionSeconds: config.podEvictionSeconds,
  podCidr: config.podCidr,
  nodeCidrMaskSize: config.nodeCidrMaskSize,
  serviceCidr: config.serviceCidr,
  ...(config.certificateSeconds ? { certificateSeconds: config.certificateSeconds } : {}),
  ...(config.pki?.caFile ? { rootCa: followedFile(config.pki.caFile) } : {}),
  ...(config.pki?.caFile && config.pki.caKeyFile ? { certificates: certificateSigner(config.pki) } : {}),
});

/** How often the file of authorities is looked at: it is replaced while the authority is renewed. */
const ROOT_CA_LOOK_MS = 2000;

const followedFile = (path: string): RootCa => {
  let pem = readNamed('pki.caFile', path);
  return {
    pem: () => pem,
    onChange: (changed) => {
      watchFile(path, { interval: ROOT_CA_LOOK_MS, persistent: false }, look);
      function look(): void {
        const now = existsSync(path) ? readNamed('pki.caFile', path) : pem;
        if (now === pem) return;
        pem = now;
        changed();
      }
      return () => unwatchFile(path, look);
    },
  };
};

/** Keys are read, and the library loaded, only when a certificate is asked for: by then they may be others. */
const certificateSigner = ({ caFile, caKeyFile }: ServerConfig['pki']): CertificateSigner => ({
  async read(requestPem) {
    const { readCertificateRequest } = await import('../pki/certificates.ts');
    return readCertificateRequest(requestPem);
  },
  async sign(requestPem, options) {
    const { signCertificateRequest } = await import('../pki/certificates.ts');
    const keyPem = readNamed('pki.caKeyFile', caKeyFile);
    const certPem = authorityOf(readNamed('pki.caFile', caFile), keyPem);
    if (!certPem) throw new Error(`${caFile} has no authority that ${caKeyFile} belongs to`);
    return signCertificateRequest({ certPem, keyPem }, requestPem, options);
  },
});
