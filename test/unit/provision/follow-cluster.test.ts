import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import type { Machine } from '../../../src/drivers/driver.ts';
import { createAuthority, issueCertificate } from '../../../src/pki/certificates.ts';
import { serverElsewhere } from '../../../src/provision/follow-cluster.ts';
import { clusterSpec } from '../../../src/provision/spec/cluster-spec.ts';

test('an API server behind a forwarded port is found at that port', async () => {
  const authority = await createAuthority({ commonName: 'vbox', years: 1 });
  const pair = await issueCertificate(authority, { commonName: 'x', dnsNames: ['kubernetes'], usages: ['server'], days: 1 });
  const server = createServer({ cert: pair.certPem, key: pair.keyPem }, (socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  // As VirtualBox has it: its network is its own, and this computer reaches it through ports of its loopback.
  const machine: Machine = {
    ...{ cluster: 'vbox', name: 'vbox-1', state: 'running', sameNetwork: true },
    ...{ address: '10.91.7.11', externalAddress: '127.0.0.1', forwardedPorts: { 22: 1, 6443: port } },
  };
  try {
    const { nodes } = clusterSpec({ name: 'vbox', driver: 'virtualbox' });
    const found = await serverElsewhere({ nodes, drivers: { describe: async () => machine }, trustPem: authority.certPem });
    assert.equal(found, `https://127.0.0.1:${port}`);
  } finally {
    server.close();
  }
});
