import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Machine } from '../../../src/agent/node/machine.ts';
import { NodeKeeper, type NodeKeeperOptions } from '../../../src/agent/node/node-keeper.ts';
import { isSucceeded } from '../../../src/agent/node/succession.ts';
import { node as nodeKind } from '../../../src/api/core/node.ts';
import { alreadyExists } from '../../../src/api/meta/status.ts';
import { until } from '../../support/until.ts';

const MACHINE: Machine = {
  ...{ hostname: 'n1', cpuMillis: 1000, memoryBytes: 2 ** 30, diskBytes: 2 ** 33, bootId: 'b', machineId: 'm', systemUuid: 's' },
  ...{ kernelVersion: '6', osImage: 'Linux', architecture: 'amd64' },
};

/** A node that the API knows already, with a lease of then, and an agent that starts on it. Answers how often the status was written. */
const statusWritesAfterStart = async (silentMs: number, podsTold: Promise<void> = Promise.resolve()): Promise<number> => {
  const written = { status: 0, lease: 0 };
  const client = {
    create: async () => {
      throw alreadyExists(nodeKind, 'n1');
    },
    get: async ({ kind }: { kind: string }) =>
      kind === 'Lease'
        ? { metadata: { name: 'n1' }, spec: { renewTime: new Date(Date.now() - silentMs).toISOString() } }
        : { metadata: { name: 'n1', uid: 'u' } },
    patch: async (_kind: unknown, target: { subresource?: string }) => {
      if (target.subresource === 'status') written.status++;
      return { metadata: { name: 'n1', uid: 'u' } };
    },
    update: async (_kind: unknown, lease: unknown) => {
      written.lease++;
      return lease;
    },
  };
  const log = { debug: () => {}, info: () => {} };
  const config = {
    nodeName: 'n1',
    nodeAddress: '192.0.2.1',
    port: 10250,
    maxPods: 110,
    reserved: { cpu: '0', memory: '0' },
    labels: {},
    taints: [],
    rootDir: '/',
  };
  const cri = { version: async () => undefined, listImages: async () => ({ images: [] }) };
  const keeper = new NodeKeeper({
    ...({ client, config, cri, log } as unknown as Pick<NodeKeeperOptions, 'client' | 'config' | 'cri' | 'log'>),
    machine: MACHINE,
    now: () => Date.now(),
    problems: () => [],
    podsTold,
    succeeded: () => assert.fail('nobody has become this node'),
  });
  await keeper.start();
  await until(() => written.lease > 0);
  // What a renewal calls for is written at once, or never.
  await new Promise((resolve) => setTimeout(resolve, 100));
  await keeper.stop();
  return written.status;
};

test('an agent that starts after a long silence writes its status once more when its lease is renewed', async () => {
  assert.equal(await statusWritesAfterStart(60_000), 2);
});

test('one that was away for a moment does not', async () => {
  assert.equal(await statusWritesAfterStart(1000), 1);
});

test('a lease does not wait for the pods for long', async () => {
  const began = performance.now();
  await statusWritesAfterStart(1000, new Promise(() => {}));
  const took = performance.now() - began;
  assert.ok(took > 2900 && took < 8000, `${took} ms`);
});

const SINCE = 'slipway.local/since';
const since = (time?: string) => ({ metadata: { name: 'n1', ...(time ? { annotations: { [SINCE]: time } } : {}) } });
const LATER = '2026-11-29T08:00:00.000Z';

test('a machine gives way to one that became the node later, and to no other', () => {
  assert.equal(isSucceeded(since(), {}), false);
  assert.equal(isSucceeded(since(LATER), {}), true);
  assert.equal(isSucceeded(since(LATER), { nodeSince: '2026-11-29T07:00:00.000Z' }), true);
  assert.equal(isSucceeded(since(LATER), { nodeSince: LATER }), false);
  assert.equal(isSucceeded(since(), { nodeSince: LATER }), false);
});
