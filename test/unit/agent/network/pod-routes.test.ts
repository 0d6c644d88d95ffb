import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CNI_FILE, cniConfig, writeCniConfig } from '../../../../src/agent/network/pods/cni-config.ts';
import { macOf, peerLines, peerOf } from '../../../../src/agent/network/pods/pod-routes.ts';

test('a peer is known once it has an address and a range', () => {
  const status = {
    addresses: [
      { type: 'Hostname', address: 'n1' },
      { type: 'InternalIP', address: '10.1.1.1' },
    ],
  };
  assert.equal(peerOf({ metadata: { name: 'n1' }, status }), undefined);
  assert.deepEqual(peerOf({ metadata: { name: 'n1' }, spec: { podCIDR: '10.244.1.0/24' }, status }), {
    name: 'n1',
    address: '10.1.1.1',
    podCidr: '10.244.1.0/24',
  });
});

test('every node works out the same hardware address of a tunnel end', () => {
  assert.equal(macOf('172.31.0.12'), '0a:53:ac:1f:00:0c');
  const lines = peerLines({ name: 'n', address: '172.31.0.12', podCidr: '10.244.2.0/24' }, 'vxlan');
  assert.equal(lines.bridge.length, 1);
  assert.ok(lines.ip.every((line) => line.includes('10.244.2.0')));
});

test('the CNI configuration is written whole, and only when it differs', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-cni-'));
  const text = cniConfig({ podCidr: '10.244.1.0/24' });
  await writeCniConfig(directory, text);
  const written = statSync(join(directory, CNI_FILE)).mtimeMs;
  await writeCniConfig(directory, text);
  assert.equal(statSync(join(directory, CNI_FILE)).mtimeMs, written);
  assert.deepEqual(readdirSync(directory), [CNI_FILE]);
  assert.deepEqual(
    JSON.parse(text).plugins.map((plugin: { type: string }) => plugin.type),
    ['ptp', 'portmap'],
  );
  rmSync(directory, { recursive: true });
});
