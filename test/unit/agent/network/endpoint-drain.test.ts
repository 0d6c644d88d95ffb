import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';
import { createAskPeer, ProxyStatusServer } from '../../../../src/agent/network/proxy/drain-protocol.ts';
import { EndpointDrain, type EndpointDrainOptions } from '../../../../src/agent/network/proxy/endpoint-drain.ts';
import type { Stored } from '../../../../src/api/meta/object.ts';
import type { Pod } from '../../../../src/api/types/core-v1.ts';
import { createLogger } from '../../../../src/base/log/logger.ts';
import { makeSlice } from '../../../integration/network-objects.ts';

const log = createLogger({ level: 'silent' });
const pod: Stored<Pod> = {
  metadata: { name: 'p', namespace: 'default', uid: 'p-uid' },
  spec: { containers: [] },
  status: { podIP: '10.244.1.2' },
};
const slice = (ready: boolean) =>
  makeSlice('web', [{ port: 80 }], [{ address: '10.244.1.2', node: 'n1', uid: 'p-uid', ready, terminating: !ready }]);

const makeDrain = (change: Partial<EndpointDrainOptions> = {}): EndpointDrain =>
  new EndpointDrain({
    nodeName: 'n1',
    livePeers: () => [],
    ask: async () => true,
    programmed: async () => {},
    countConnections: async () => ({ open: 0, opening: 0 }),
    log,
    ...change,
  });

describe('draining a pod', () => {
  test('waits until the slices have let go of it', async () => {
    const drain = makeDrain();
    drain.observe(slice(true), { deleted: false });
    let done = false;
    const drained = drain.awaitDrained(pod).then((result) => {
      done = true;
      return result;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(done, false);
    drain.observe(slice(false), { deleted: false });
    assert.deepEqual(await drained, { drained: true });
  });

  test('asks every live node for the revision that took it out', async () => {
    const asked: [string, bigint][] = [];
    const out = slice(false);
    const drain = makeDrain({
      livePeers: () => ['a', 'b'].map((address) => ({ address, port: 1 })),
      ask: async (peer, revision) => asked.push([peer.address, revision]) > 0,
    });
    drain.observe(out, { deleted: false });
    await drain.awaitDrained(pod);
    const revision = BigInt(out.metadata.resourceVersion ?? 0);
    assert.deepEqual(asked, [
      ['a', revision],
      ['b', revision],
    ]);
  });

  test('a deleted slice lets go of its pods, and so does one that lists them no more', async () => {
    for (const last of ['deleted', 'without'] as const) {
      const drain = makeDrain();
      const before = slice(true);
      drain.observe(before, { deleted: false });
      if (last === 'deleted') drain.observe(before, { deleted: true });
      else drain.observe(makeSlice('web', [{ port: 80 }], []), { deleted: false, old: before });
      assert.deepEqual(await drain.awaitDrained(pod, { boundMs: 500 }), { drained: true });
    }
  });

  test('waits for connections under way, but not for ever', async () => {
    let open = 3;
    const drain = makeDrain({ countConnections: async () => ({ open: Math.max(0, --open), opening: 0 }) });
    drain.observe(slice(false), { deleted: false });
    assert.deepEqual(await drain.awaitDrained(pod), { drained: true });
    assert.equal(open <= 0, true);
    const stuck = makeDrain({ ask: async () => false, livePeers: () => [{ address: 'a', port: 1 }] });
    stuck.observe(slice(false), { deleted: false });
    assert.deepEqual(await stuck.awaitDrained(pod, { boundMs: 120 }), { drained: false });
  });

  test('a connection whose first packet was dropped is waited for until it has been sent again; a look that fails proves nothing', async () => {
    const took = async (countConnections: EndpointDrainOptions['countConnections']): Promise<number> => {
      const beganAt = performance.now();
      const drain = makeDrain({ countConnections });
      drain.observe(slice(false), { deleted: false });
      await drain.awaitDrained(pod, { boundMs: 10_000 });
      return performance.now() - beganAt;
    };
    const [open, opening, failing] = await Promise.all([
      took(async () => ({ open: 1, opening: 0 })),
      took(async () => ({ open: 0, opening: 1 })),
      took(() => Promise.reject(new Error('interrupted'))),
    ]);
    assert.ok(open >= 1000 && open < 3000, `open for ${open} ms`);
    assert.ok(opening >= 3500, `opening for ${opening} ms`);
    assert.ok(failing >= 1000, `failed for ${failing} ms`);
  });

  test('a node that is slow is waited for, one that says nothing is not', async () => {
    let questions = 0;
    const slow = makeDrain({ livePeers: () => [{ address: 'a', port: 1 }], ask: async () => ++questions > 5, silenceMs: 10 });
    slow.observe(slice(false), { deleted: false });
    assert.deepEqual(await slow.awaitDrained(pod, { boundMs: 30_000 }), { drained: true });
    assert.equal(questions, 6);
    const silent: EndpointDrainOptions['ask'] = (_peer, _revision, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    const refusing: EndpointDrainOptions['ask'] = () => Promise.reject(new Error('refused'));
    for (const ask of [silent, refusing]) {
      const dead = makeDrain({ livePeers: () => [{ address: 'a', port: 1 }], ask, silenceMs: 10 });
      dead.observe(slice(false), { deleted: false });
      assert.deepEqual(await dead.awaitDrained(pod, { boundMs: 30_000 }), { drained: true });
    }
  });

  test('a node that is too busy to answer is waited for as long as it takes connections', async () => {
    let looks = 0;
    const drain = makeDrain({
      livePeers: () => [{ address: 'a', port: 1 }],
      ask: () => Promise.reject(new Error('no answer')),
      reaches: async () => ++looks < 3,
      silenceMs: 10,
    });
    drain.observe(slice(false), { deleted: false });
    assert.deepEqual(await drain.awaitDrained(pod, { boundMs: 30_000 }), { drained: true });
    assert.equal(looks, 3);
  });

  test('an endpoint that is ready to its end is let go of when it ends', async () => {
    const drain = makeDrain();
    const always = makeSlice('web', [{ port: 80 }], [{ address: '10.244.1.2', node: 'n1', uid: 'p-uid', ready: true, terminating: true }]);
    drain.observe(always, { deleted: false });
    assert.deepEqual(await drain.awaitDrained(pod, { boundMs: 30_000 }), { drained: true });
  });

  test('a ready pod of a Service waits for the slice that this node has not heard of yet', async () => {
    const ready = { ...pod, status: { ...pod.status, conditions: [{ type: 'Ready', status: 'True' }] } };
    const unselected = makeDrain({ isSelected: () => false });
    assert.deepEqual(await unselected.awaitDrained(ready), { drained: true });
    const drain = makeDrain({ isSelected: () => true });
    assert.deepEqual(await drain.awaitDrained(pod), { drained: true });
    const drained = drain.awaitDrained(ready, { boundMs: 30_000 });
    drain.observe(slice(false), { deleted: false });
    assert.deepEqual(await drained, { drained: true });
  });

  test('an abort ends the wait', async () => {
    const drain = makeDrain();
    drain.observe(slice(true), { deleted: false });
    const abort = new AbortController();
    const drained = drain.awaitDrained(pod, { signal: abort.signal });
    abort.abort();
    assert.deepEqual(await drained, { drained: false });
  });
});

describe('the status of the proxy', () => {
  test('is told as soon as a revision is in force, or not within the time given', async () => {
    const server = new ProxyStatusServer({ address: '127.0.0.1', port: 0, log });
    await server.start();
    const { ask, close } = createAskPeer();
    const peer = { address: '127.0.0.1', port: server.port };
    const { signal } = new AbortController();
    const early = ask(peer, 20n, signal, 5_000);
    server.reached(10n);
    assert.equal(await ask(peer, 10n, signal, 0), true);
    assert.equal(await ask(peer, 30n, signal, 20), false);
    server.reached(20n);
    assert.equal(await early, true);
    close();
    await server.stop();
  });

  test('answers health checks, and nonsense with 404', async () => {
    const server = new ProxyStatusServer({ address: '127.0.0.1', port: 0, log });
    await server.start();
    const status = (path: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        http
          .get({ host: '127.0.0.1', port: server.port, path, agent: false }, (response) => {
            response.resume();
            resolve(response.statusCode);
          })
          .on('error', reject);
      });
    const codes = await Promise.all(
      ['/healthz', '/programmed', '/programmed?revision=-1', '/programmed?revision=x', '//', '/x'].map(status),
    );
    assert.deepEqual(codes, [200, 404, 404, 404, 404, 404]);
    await server.stop();
  });
});
