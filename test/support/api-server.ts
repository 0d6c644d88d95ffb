/** A whole API server on a free loopback port, for tests and for trying things by hand. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiServer, type ApiServerOptions } from '../../src/apiserver/api-server.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../../src/pki/certificates.ts';
import { createTokenAuthority } from '../../src/pki/service-account-tokens.ts';
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';

export interface TestApiServer {
  readonly server: ApiServer;
  readonly url: string;
  readonly caPem: string;
  /** The certificate authority: signs serving certificates of agents too. */
  readonly authority: KeyPair;
  /** In system:masters. */
  readonly admin: KeyPair;
  /** A kubeconfig of the administrator. */
  readonly kubeconfig: string;
  readonly dir: string;
  /** A client certificate of that user. */
  issue(name: string, organizations?: string[]): Promise<KeyPair>;
  /** A serving certificate for 127.0.0.1, as an agent has one. */
  issueServing(): Promise<KeyPair>;
  stop(): Promise<void>;
}

export interface TestApiServerOptions {
  store?: 'memory' | 'sqlite';
  port?: number;
  log?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  options?: Partial<ApiServerOptions>;
}

export const startApiServer = async ({
  store = 'memory',
  port = 0,
  log: level = 'error',
  options = {},
}: TestApiServerOptions = {}): Promise<TestApiServer> => {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-api-'));
  const log = createLogger({ level });
  const authority = await createAuthority({ commonName: 'test-ca', years: 1 });
  const serving = await issueCertificate(authority, {
    commonName: 'kube-apiserver',
    dnsNames: ['localhost', 'kubernetes', 'kubernetes.default.svc'],
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  const issue = (commonName: string, organizations: string[] = []) =>
    issueCertificate(authority, { commonName, organizations, usages: ['client'], days: 1 });
  const agentClient = await issue('kube-apiserver-kubelet-client');
  const tokenKey = await issue('service-accounts');
  const stored = store === 'memory' ? createMemoryStore() : await openSqliteStore({ path: join(dir, 'store.db'), log });
  const server = new ApiServer({
    store: stored,
    log,
    bindAddress: '127.0.0.1',
    port,
    advertiseAddress: '127.0.0.1',
    serviceCidr: '10.96.0.0/16',
    nodePortRange: [30000, 32767],
    pki: {
      caPem: authority.certPem,
      certPem: serving.certPem,
      keyPem: serving.keyPem,
      agentClientCertPem: agentClient.certPem,
      agentClientKeyPem: agentClient.keyPem,
    },
    tokens: createTokenAuthority({ issuer: 'https://kubernetes.default.svc.cluster.local', privateKeyPem: tokenKey.keyPem }),
    ...options,
  });
  await server.start();
  const admin = await issue('admin', ['system:masters']);
  const url = `https://127.0.0.1:${server.port}`;
  const kubeconfig = join(dir, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigText({ url, caPem: authority.certPem, ...admin }), { mode: 0o600 });
  return {
    server,
    url,
    caPem: authority.certPem,
    authority,
    admin,
    kubeconfig,
    dir,
    issue,
    issueServing: () => issueCertificate(authority, { commonName: 'agent', ipAddresses: ['127.0.0.1'], usages: ['server'], days: 1 }),
    async stop() {
      await server.stop();
      await stored.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

export const kubeconfigText = (of: { url: string; caPem: string; certPem: string; keyPem: string }): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster: { server: of.url, 'certificate-authority-data': base64(of.caPem) } }],
    users: [{ name: 'test', user: { 'client-certificate-data': base64(of.certPem), 'client-key-data': base64(of.keyPem) } }],
  });
