import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { ServerConfig } from '../../src/api/config/server-config.ts';
import { createAuthority, createSigningKey, issueCertificate } from '../../src/pki/certificates.ts';
import { kubeconfigFor, renderKubeconfig } from '../../src/pki/kubeconfig.ts';

/** Lays down keys, certificates, `server.json` and `admin.kubeconfig` for a slipway-server on loopback. Answers the configuration. */
export const layDownServer = async (
  folder: string,
  options: { port: number; components?: ServerConfig['components']; change?: (config: ServerConfig) => void },
): Promise<ServerConfig> => {
  mkdirSync(folder, { recursive: true });
  const authority = await createAuthority({ commonName: 'test-ca', years: 1 });
  const put = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const issue = async (name: string, wanted: Omit<Parameters<typeof issueCertificate>[1], 'days'>) => {
    const pair = await issueCertificate(authority, { ...wanted, days: 2 });
    return { ...pair, certFile: put(`${name}.crt`, pair.certPem), keyFile: put(`${name}.key`, pair.keyPem) };
  };
  const server = await issue('server', {
    commonName: 'kube-apiserver',
    dnsNames: ['localhost', 'kubernetes'],
    ipAddresses: ['127.0.0.1', '192.0.2.1'],
    usages: ['server'],
  });
  const agent = await issue('agent', { commonName: 'kube-apiserver-kubelet-client', usages: ['client'] });
  const admin = await issue('admin', { commonName: 'admin', organizations: ['system:masters'], usages: ['client'] });
  const config: ServerConfig = {
    clusterName: 'test',
    nodeName: 'test-1',
    components: options.components ?? ['apiserver'],
    bindAddress: '127.0.0.1',
    securePort: options.port,
    // Endpoints may not lie on loopback; nobody dials this one.
    advertiseAddress: '192.0.2.1',
    serviceCidr: '10.96.0.0/16',
    podCidr: '10.244.0.0/16',
    nodeCidrMaskSize: 24,
    nodePortRange: [30_000, 32_767],
    clusterDomain: 'cluster.local',
    store: { kind: 'sqlite', path: join(folder, 'state.db') },
    pki: {
      caFile: put('ca.crt', authority.certPem),
      caKeyFile: put('ca.key', authority.keyPem),
      certFile: server.certFile,
      keyFile: server.keyFile,
      serviceAccountKeyFile: put('sa.key', (await createSigningKey()).keyPem),
      serviceAccountIssuer: 'https://kubernetes.default.svc.cluster.local',
      kubeletClientCertFile: agent.certFile,
      kubeletClientKeyFile: agent.keyFile,
    },
  };
  options.change?.(config);
  put('server.json', JSON.stringify(config));
  const address = `https://127.0.0.1:${options.port}`;
  const connection = { name: 'test', server: address, caPem: authority.certPem, certPem: admin.certPem, keyPem: admin.keyPem };
  put('admin.kubeconfig', renderKubeconfig(kubeconfigFor(connection)));
  return config;
};

/** Asks that server as its administrator; 0 when nobody answers. */
export const askAsAdmin = (
  folder: string,
  target: { port: number; path: string; method?: string; body?: unknown },
): Promise<{ status: number; body: unknown }> => {
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const { port, path, method = 'GET', body } = target;
  return new Promise((resolve) => {
    const asking = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        agent: false,
        headers: body ? { 'content-type': 'application/json' } : {},
        ca: read('ca.crt'),
        cert: read('admin.crt'),
        key: read('admin.key'),
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : text }));
      },
    );
    asking.on('error', () => resolve({ status: 0, body: undefined }));
    asking.end(body ? JSON.stringify(body) : undefined);
  });
};
