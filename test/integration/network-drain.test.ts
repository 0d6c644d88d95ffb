/** The promise of ADR 20: pods that exit at once when they are told to lose no connection. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../support/until.ts';
import { makeNodeObject, makePodObject, NodeProcess } from './network-node-process.ts';
import { type EndpointDraft, makeService, makeSlice } from './network-objects.ts';
import { inNamespace, makeLan, makeNode, makePod, Worker } from './network-sandbox.ts';

const NODES = ['n1', 'n2'] as const;
const ROUNDS = 8;
const CONNECTIONS_PER_SECOND = 200;

inNamespace(import.meta.url, () =>
  describe('a rolling update under load', () => {
    const nodes: NodeProcess[] = [];
    const pods = new Map<string, { worker: Worker; endpoint: EndpointDraft; node: NodeProcess }>();
    let client: Worker;
    let counter = 0;

    before(async () => {
      await makeLan();
      for (const [index, name] of NODES.entries()) {
        await makeNode(name, 11 + index);
        nodes.push(new NodeProcess(name, 11 + index, 'routes'));
      }
      await makeNode('client', 99);
      client = new Worker('client');
      for (const node of nodes) await until(() => node.has('started'));
      for (const node of nodes) {
        for (const [index, name] of NODES.entries())
          await node.send({ do: 'set', resource: 'nodes', object: makeNodeObject(name, index + 1) });
        const spec = { type: 'NodePort', clusterIP: '10.96.1.1', ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }] };
        await node.send({ do: 'set', resource: 'services', object: makeService('web', spec) });
        await node.send({ do: 'synced' });
      }
    });
    after(async () => {
      for (const { worker } of pods.values()) await worker.close();
      await client.close();
      for (const node of nodes) await node.stop();
    });

    /** Every node hears of it, each after a time of its own, as over real networks. */
    const publish = async (): Promise<void> => {
      const slice = makeSlice(
        'web',
        [{ port: 8080 }],
        [...pods.values()].map(({ endpoint }) => endpoint),
      );
      await Promise.all(
        nodes.map(async (node, index) => {
          await new Promise((resolve) => setTimeout(resolve, index * 60));
          await node.send({ do: 'set', resource: 'endpointslices', object: slice });
        }),
      );
    };

    const start = async (): Promise<void> => {
      counter += 1;
      const index = counter % 2;
      const address = `10.244.${index + 1}.${10 + counter}`;
      const name = `p${counter}`;
      const worker = await makePod(name, NODES[index] as string, address);
      await worker.listen('tcp', 8080, name, { delayMs: 20 });
      pods.set(name, { worker, endpoint: { address, node: NODES[index] as string }, node: nodes[index] as NodeProcess });
      await publish();
    };

    const end = async (name: string): Promise<void> => {
      const pod = pods.get(name);
      assert.ok(pod);
      pod.endpoint = { ...pod.endpoint, ready: false, serving: true, terminating: true };
      const drained = pod.node.drain(makePodObject(pod.endpoint.address));
      const published = publish();
      await drained;
      // No grace at all: whatever is still open now is lost.
      await pod.worker.close();
      await published;
      pods.delete(name);
      await publish();
    };

    test('loses no connection', { timeout: 120_000 }, async () => {
      await start();
      await start();
      const outcomes = new Map<string, number>();
      const open: Promise<unknown>[] = [];
      const ask = async (node: number): Promise<void> => {
        const text = (await client.ask(`172.31.0.${11 + node}:30080`, { waitMs: 10_000 })).replace(/^p\d+ .*/, 'answered');
        outcomes.set(text, (outcomes.get(text) ?? 0) + 1);
      };
      await until(async () => (await client.ask('172.31.0.12:30080')).startsWith('p'));
      let sent = 0;
      const load = setInterval(() => open.push(ask(sent++ % 2)), 1_000 / CONNECTIONS_PER_SECOND);
      for (let round = 0; round < ROUNDS; round += 1) {
        await start();
        await end([...pods.keys()][0] as string);
      }
      clearInterval(load);
      await Promise.all(open);
      assert.ok(sent > 200, `${sent} sent`);
      assert.deepEqual(Object.fromEntries(outcomes), { answered: sent });
    });
  }),
);
