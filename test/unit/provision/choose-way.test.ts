import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuthority, issueCertificate } from '../../../src/pki/certificates.ts';
import { openWay } from '../../../src/provision/choose-way.ts';
import { clusterContext } from '../../../src/provision/cluster-context.ts';
import type { ClusterDrivers } from '../../../src/provision/cluster-drivers.ts';
import { clusterSpec } from '../../../src/provision/spec/cluster-spec.ts';
import { ClusterStateFolder } from '../../../src/provision/state/cluster-state.ts';

test('once no host is on the way any more, the port of the tunnel is forgotten, and the kubeconfig names the API itself', async () => {
  const home = mkdtempSync(join(tmpdir(), 'slipway-way-'));
  const authority = await createAuthority({ commonName: 'lab', years: 1 });
  const pair = await issueCertificate(authority, {
    commonName: 'x',
    dnsNames: ['kubernetes'],
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
  });
  const admin = await issueCertificate(authority, { commonName: 'admin', usages: ['client'], days: 1 });
  const server = createSecureServer({ cert: pair.certPem, key: pair.keyPem, allowHTTP1: true }, (_, response) => void response.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const folder = new ClusterStateFolder('lab', home);
  const spec = clusterSpec({ name: 'lab', hosts: ['root@127.0.0.1'] });
  const context = clusterContext({
    spec,
    folder,
    state: { version: 2, spec, phase: 'ready', createdAt: '2026-01-01T00:00:00Z', dataDir: '/d', addresses: {}, tunnelPort: 23_456 },
    drivers: { of: async () => ({ passage: async () => undefined }) } as unknown as ClusterDrivers,
    signal: AbortSignal.timeout(10_000),
    options: { yes: false, keep: false, demo: false, mergeKubeconfig: false, switchContext: false },
    pki: { authority, trustPem: authority.certPem, admin, signingKeys: '', fresh: new Map() },
    machines: new Map([
      [
        'lab-1',
        { cluster: 'lab', name: 'lab-1', state: 'running', sameNetwork: false, address: '127.0.0.1', forwardedPorts: { 6443: port } },
      ],
    ]),
  });
  try {
    await (await openWay(context))();
    assert.equal((await folder.require()).tunnelPort, undefined);
    const kubeconfig = (await folder.readFile('kubeconfig')) ?? '';
    assert.match(kubeconfig, new RegExp(`https://127.0.0.1:${port}`));
    assert.doesNotMatch(kubeconfig, /23456|tls-server-name/);
  } finally {
    for (const close of context.close) await close();
    server.close();
    rmSync(home, { recursive: true });
  }
});
