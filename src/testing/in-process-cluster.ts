import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerConfig } from '../api/config/server-config.ts';
import { serviceAccount } from '../api/core/service-account.ts';
import { hasReason } from '../api/meta/status.ts';
import { createLogger } from '../base/log/logger.ts';
import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import { createAuthority, createSigningKey, issueCertificate, type KeyPair } from '../pki/certificates.ts';
import { kubeconfigFor, renderKubeconfig } from '../pki/kubeconfig.ts';
import { startControlPlane } from '../runtime/control-plane.ts';
import { createApiFetch } from './api-fetch.ts';
import { FakeNodes } from './fake-nodes.ts';
import { type FixtureFolder, makeFixtureFolder } from './fixture-folder.ts';
import type { StartClusterOptions, TestCluster } from './test-cluster.ts';

const ADDRESS = '127.0.0.1';
/** Endpoints may not lie on loopback; nobody dials this one, which is set aside for documentation. */
const ADVERTISED = '192.0.2.1';
const DAYS = 7;
const ADMIN = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

/** API server, store, scheduler and controllers in this process, on a free port of loopback. */
export const startInProcess = async (options: StartClusterOptions): Promise<TestCluster> => {
  const folder = makeFixtureFolder();
  const log = createLogger({ level: options.logLevel ?? 'error' });
  const ends: (() => unknown)[] = [() => folder.remove()];
  const stop = once(async () => {
    for (const end of ends.reverse()) await end();
  });
  try {
    const pki = await layDownPki(folder);
    const controlPlane = await startControlPlane({ config: configFor(options, folder), log });
    ends.push(() => controlPlane.stop());
    const url = `https://${ADDRESS}:${controlPlane.port}`;
    const identity = { url, caPem: pki.authority.certPem, certPem: pki.admin.certPem, keyPem: pki.admin.keyPem };
    const { url: server, ...rest } = identity;
    const kubeconfig = renderKubeconfig(kubeconfigFor({ name: 'test', server, ...rest }));
    const kubeconfigPath = folder.path.concat('/kubeconfig');
    writeFileSync(kubeconfigPath, kubeconfig, { mode: 0o600 });
    const client = createClient(controlPlane.transportFor(ADMIN));
    const api = createApiFetch(identity);
    ends.push(() => api.close());
    const fakeNodes = new FakeNodes(client, { log, renewMs: renewalFor(options), ...fakeNodesOf(options) });
    ends.push(() => fakeNodes.stop());
    await Promise.all([fakeNodes.start(), wants(options, 'controllers') ? untilPodsMayBeMade(client) : undefined]);
    return {
      url,
      kubeconfig,
      kubeconfigPath,
      caPem: pki.authority.certPem,
      client,
      fetch: api.fetch,
      fakeNodes,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

const wants = ({ components = ['scheduler', 'controllers'] }: StartClusterOptions, name: 'scheduler' | 'controllers'): boolean =>
  components.includes(name);

const fakeNodesOf = ({ fakeNodes = 0 }: StartClusterOptions) => (typeof fakeNodes === 'number' ? { count: fakeNodes } : fakeNodes);

/** Four renewals within the time after which a node that is silent counts as dead. */
const renewalFor = ({ nodeMonitorGraceSeconds = 40 }: StartClusterOptions): number => Math.min(5000, nodeMonitorGraceSeconds * 250);

interface Pki {
  authority: KeyPair;
  admin: KeyPair;
}

const layDownPki = async ({ path }: FixtureFolder): Promise<Pki> => {
  const put = (name: string, text: string): void => writeFileSync(join(path, name), text, { mode: 0o600 });
  const signingKey = createSigningKey();
  const authority = await createAuthority({ commonName: 'slipway-testing', years: 1 });
  const issue = async (name: string, wanted: Omit<Parameters<typeof issueCertificate>[1], 'days'>): Promise<KeyPair> => {
    const pair = await issueCertificate(authority, { ...wanted, days: DAYS });
    put(`${name}.crt`, pair.certPem);
    put(`${name}.key`, pair.keyPem);
    return pair;
  };
  const dnsNames = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const [admin, key] = await Promise.all([
    issue('admin', { commonName: ADMIN.name, organizations: ['system:masters'], usages: ['client'] }),
    signingKey,
    issue('server', { commonName: 'kube-apiserver', dnsNames, ipAddresses: [ADDRESS], usages: ['server'] }),
    issue('agent-client', { commonName: 'kube-apiserver-kubelet-client', usages: ['client'] }),
  ]);
  put('ca.crt', authority.certPem);
  put('ca.key', authority.keyPem);
  put('sa.key', key.keyPem);
  return { authority, admin };
};

const configFor = (options: StartClusterOptions, { path }: FixtureFolder): ServerConfig => {
  const components: ServerConfig['components'] = ['apiserver'];
  for (const name of ['scheduler', 'controllers'] as const) if (wants(options, name)) components.push(name);
  return {
    clusterName: 'test',
    nodeName: 'test',
    components,
    bindAddress: ADDRESS,
    securePort: 0,
    advertiseAddress: ADVERTISED,
    serviceCidr: '10.96.0.0/16',
    podCidr: '10.244.0.0/16',
    nodeCidrMaskSize: 24,
    nodePortRange: [30_000, 32_767],
    clusterDomain: 'cluster.local',
    store: options.store === 'sqlite' ? { kind: 'sqlite', path: join(path, 'state.db') } : { kind: 'memory' },
    pki: {
      caFile: join(path, 'ca.crt'),
      caKeyFile: join(path, 'ca.key'),
      certFile: join(path, 'server.crt'),
      keyFile: join(path, 'server.key'),
      serviceAccountKeyFile: join(path, 'sa.key'),
      serviceAccountIssuer: 'https://kubernetes.default.svc.cluster.local',
      kubeletClientCertFile: join(path, 'agent-client.crt'),
      kubeletClientKeyFile: join(path, 'agent-client.key'),
    },
    ...(options.nodeMonitorGraceSeconds === undefined ? {} : { nodeMonitorGraceSeconds: options.nodeMonitorGraceSeconds }),
    ...(options.podEvictionSeconds === undefined ? {} : { podEvictionSeconds: options.podEvictionSeconds }),
    ...(options.admission?.disabled ? { disableAdmissionPlugins: [...options.admission.disabled] } : {}),
  };
};

const READY_WITHIN_MS = 10_000;

/** A pod needs its namespace's service account, which a controller makes: until then a test's first pod would be refused. */
const untilPodsMayBeMade = async (client: Client): Promise<void> => {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      await client.get(serviceAccount, { namespace: 'default', name: 'default' });
      return;
    } catch (error) {
      if (!hasReason(error, 'NotFound') || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
};

/** The same promise for every caller. */
const once = (work: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | undefined;
  return () => {
    running ??= work();
    return running;
  };
};
