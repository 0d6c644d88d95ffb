import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ServiceProxy } from '../../src/agent/network/proxy/service-proxy.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import { type EndpointDraft, makeService, makeSlice } from './network-objects.ts';
import { inNamespace, makeLan, makeNode, makePod, runIn, Worker } from './network-sandbox.ts';

const log = createLogger({ level: 'warn' });
const NODES = ['node1', 'node2'] as const;

inNamespace(import.meta.url, () =>
  describe('the service proxy on two nodes', () => {
    const workers: Record<string, Worker> = {};
    const proxies: ServiceProxy[] = [];
    const worker = (name: string): Worker => workers[name] as Worker;

    before(async () => {
      await makeLan();
      await makeNode('node1', 11);
      await makeNode('node2', 12);
      await makeNode('client', 99);
      await runIn('node1')('ip', ['route', 'add', '10.244.2.0/24', 'via', '172.31.0.12']);
      await runIn('node2')('ip', ['route', 'add', '10.244.1.0/24', 'via', '172.31.0.11']);
      // Clients outside reach virtual addresses through a node.
      await runIn('client')('ip', ['route', 'add', '192.0.2.0/24', 'via', '172.31.0.11']);
      workers['a'] = await makePod('a', 'node1', '10.244.1.2');
      workers['b'] = await makePod('b', 'node1', '10.244.1.3');
      workers['c'] = await makePod('c', 'node2', '10.244.2.2');
      for (const name of ['node1', 'node2', 'client']) workers[name] = new Worker(name);
      for (const name of ['a', 'b', 'c']) {
        await worker(name).listen('tcp', 8080, name);
        await worker(name).listen('udp', 5300, name);
      }
      for (const [index, nodeName] of NODES.entries()) {
        const proxy = new ServiceProxy({
          nodeName,
          run: runIn(nodeName),
          log,
          settings: {
            podCidr: '10.244.0.0/16',
            serviceCidr: '10.96.0.0/16',
            clusterDns: '10.96.0.10',
            nodePodCidr: `10.244.${index + 1}.0/24`,
          },
        });
        proxies.push(proxy);
        await proxy.begin();
      }
    });

    after(async () => {
      for (const proxy of proxies) await proxy.stop();
      for (const one of Object.values(workers)) await one.close();
    });

    const serve = async (name: string, spec: Parameters<typeof makeService>[1], endpoints: EndpointDraft[], status = {}): Promise<void> => {
      const service = makeService(name, spec, status);
      const slice = makeSlice(
        name,
        (spec.ports ?? []).map((port) => ({
          port: Number(port.targetPort),
          protocol: port.protocol ?? 'TCP',
          ...(port.name ? { name: port.name } : {}),
        })),
        endpoints,
      );
      for (const proxy of proxies) {
        proxy.setService(`default/${name}`, service);
        proxy.setSlice(slice, { deleted: false });
      }
      await Promise.all(proxies.map((proxy) => proxy.settled()));
    };

    const A: EndpointDraft = { address: '10.244.1.2', node: 'node1' };
    const B: EndpointDraft = { address: '10.244.1.3', node: 'node1' };
    const C: EndpointDraft = { address: '10.244.2.2', node: 'node2' };
    const tcp = [{ port: 80, targetPort: 8080 }];

    /** The names that answered in `count` tries. */
    const answers = async (from: string, target: string, count = 12, protocol: 'tcp' | 'udp' = 'tcp'): Promise<Set<string>> => {
      const seen = new Set<string>();
      for (let index = 0; index < count; index += 1)
        seen.add(((await worker(from).ask(target, { protocol })).split(' ')[0] as string) ?? '');
      return seen;
    };

    test('spreads a cluster IP over all endpoints, from pods, nodes and the endpoints themselves', async () => {
      await serve('web', { clusterIP: '10.96.1.1', ports: tcp }, [A, B, C]);
      for (const from of ['a', 'b', 'c', 'node1', 'node2'])
        assert.deepEqual([...(await answers(from, '10.96.1.1:80', 40))].sort(), ['a', 'b', 'c'], `from ${from}`);
    });

    test('a pod that reaches itself through its service is answered (hairpin), and others keep their source address', async () => {
      await serve('self', { clusterIP: '10.96.1.2', ports: tcp }, [A]);
      assert.equal(await worker('a').ask('10.96.1.2:80'), 'a 10.244.1.1');
      assert.equal(await worker('b').ask('10.96.1.2:80'), 'a 10.244.1.3');
      assert.equal(await worker('c').ask('10.96.1.2:80'), 'a 10.244.2.2');
    });

    test('every node forwards a NodePort, also to its own processes and to nodes without an endpoint', async () => {
      await serve('np', { type: 'NodePort', clusterIP: '10.96.1.3', ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }] }, [A, C]);
      for (const from of ['client', 'node1', 'node2', 'b'])
        for (const node of ['172.31.0.11', '172.31.0.12'])
          assert.deepEqual([...(await answers(from, `${node}:30080`, 20))].sort(), ['a', 'c'], `${from} over ${node}`);
    });

    test('external policy Local keeps the client address and uses only endpoints of the node', async () => {
      await serve(
        'local',
        {
          type: 'NodePort',
          clusterIP: '10.96.1.4',
          externalTrafficPolicy: 'Local',
          ports: [{ port: 80, targetPort: 8080, nodePort: 30081 }],
        },
        [A],
      );
      assert.equal(await worker('client').ask('172.31.0.11:30081'), 'a 172.31.0.99');
      assert.equal(await worker('client').ask('172.31.0.12:30081', { waitMs: 700 }), 'timeout');
      // Pods reach it as inside the cluster, whichever node they are on.
      assert.match(await worker('c').ask('172.31.0.12:30081'), /^a /);
    });

    test('internal policy Local drops where the node has no endpoint', async () => {
      await serve('inner', { clusterIP: '10.96.1.5', internalTrafficPolicy: 'Local', ports: tcp }, [A]);
      assert.match(await worker('b').ask('10.96.1.5:80'), /^a /);
      assert.equal(await worker('c').ask('10.96.1.5:80', { waitMs: 700 }), 'timeout');
    });

    test('external IPs and load balancer addresses work, and source ranges hold', async () => {
      await serve('ext', { clusterIP: '10.96.1.6', externalIPs: ['192.0.2.1'], ports: tcp }, [C]);
      assert.match(await worker('client').ask('192.0.2.1:80'), /^c /);
      await serve(
        'lb',
        {
          type: 'LoadBalancer',
          clusterIP: '10.96.1.7',
          loadBalancerSourceRanges: ['10.0.0.0/8'],
          ports: [{ port: 80, targetPort: 8080, nodePort: 30082 }],
        },
        [C],
        { loadBalancer: { ingress: [{ ip: '192.0.2.2' }] } },
      );
      assert.equal(await worker('client').ask('192.0.2.2:80', { waitMs: 700 }), 'timeout');
      assert.match(await worker('a').ask('192.0.2.2:80'), /^c /);
    });

    test('a service without endpoints refuses at once, and serves as soon as it has one', async () => {
      await serve('empty', { type: 'NodePort', clusterIP: '10.96.1.8', ports: [{ port: 80, targetPort: 8080, nodePort: 30083 }] }, []);
      assert.equal(await worker('a').ask('10.96.1.8:80'), 'ECONNREFUSED');
      assert.equal(await worker('node1').ask('10.96.1.8:80'), 'ECONNREFUSED');
      assert.equal(await worker('client').ask('172.31.0.11:30083'), 'ECONNREFUSED');
      await serve('empty', { type: 'NodePort', clusterIP: '10.96.1.8', ports: [{ port: 80, targetPort: 8080, nodePort: 30083 }] }, [B]);
      assert.match(await worker('a').ask('10.96.1.8:80'), /^b /);
      assert.match(await worker('client').ask('172.31.0.11:30083'), /^b /);
    });

    test('session affinity keeps a client on one endpoint until that goes', async () => {
      const spec = { clusterIP: '10.96.1.9', sessionAffinity: 'ClientIP', ports: tcp };
      await serve('sticky', spec, [A, B, C]);
      const seen = await answers('node2', '10.96.1.9:80', 15);
      assert.equal(seen.size, 1);
      await serve(
        'sticky',
        spec,
        [A, B, C].filter((endpoint) => endpoint.address !== { a: A, b: B, c: C }[[...seen][0] as 'a']?.address),
      );
      const next = await answers('node2', '10.96.1.9:80', 15);
      assert.equal(next.size, 1);
      assert.notDeepEqual([...next], [...seen]);
    });

    test('ready endpoints win; terminating ones that serve are the last resort', async () => {
      const leaving = { ...A, ready: false, serving: true, terminating: true };
      await serve('going', { clusterIP: '10.96.1.10', ports: tcp }, [leaving, C]);
      assert.deepEqual([...(await answers('b', '10.96.1.10:80'))], ['c']);
      await serve('going', { clusterIP: '10.96.1.10', ports: tcp }, [leaving]);
      assert.deepEqual([...(await answers('b', '10.96.1.10:80'))], ['a']);
      await serve('going', { clusterIP: '10.96.1.10', ports: tcp }, [{ ...leaving, serving: false }]);
      assert.equal(await worker('b').ask('10.96.1.10:80'), 'ECONNREFUSED');
    });

    test('a UDP flow moves to another endpoint when its own has gone', async () => {
      const spec = { clusterIP: '10.96.1.11', ports: [{ port: 53, targetPort: 5300, protocol: 'UDP' }] };
      await serve('udp', spec, [A]);
      assert.match(await worker('c').ask('10.96.1.11:53', { protocol: 'udp', localPort: 40_000 }), /^a /);
      await serve('udp', spec, [B]);
      assert.match(await worker('c').ask('10.96.1.11:53', { protocol: 'udp', localPort: 40_000 }), /^b /);
    });

    test('pods leave the cluster with the address of their node', async () => {
      await worker('client').listen('tcp', 9090, 'outside');
      assert.equal(await worker('a').ask('172.31.0.99:9090'), 'outside 172.31.0.11');
    });

    test('a new agent takes over the table without a broken connection, and a flushed table comes back', async () => {
      const before = (await runIn('node1')('nft', ['list', 'table', 'inet', 'slipway'])).length;
      const bound = await answers('b', '10.96.1.9:80', 1);
      (proxies[0] as ServiceProxy).reload();
      await (proxies[0] as ServiceProxy).settled();
      assert.deepEqual(await answers('b', '10.96.1.9:80', 10), bound, 'session affinity is kept');
      const after = (await runIn('node1')('nft', ['list', 'table', 'inet', 'slipway'])).length;
      assert.ok(Math.abs(before - after) < 200, `${before} and ${after} bytes`);
      await runIn('node1')('nft', ['flush', 'ruleset']);
      (proxies[0] as ServiceProxy).reload();
      await (proxies[0] as ServiceProxy).settled();
      assert.match(await worker('b').ask('10.96.1.2:80'), /^a /);
    });

    test('what is deleted leaves nothing behind', async () => {
      const names = ['web', 'self', 'np', 'local', 'inner', 'ext', 'lb', 'empty', 'sticky', 'going', 'udp'];
      for (const proxy of proxies)
        for (const name of names) {
          proxy.setService(`default/${name}`, undefined);
          proxy.setSlice(makeSlice(name, [], []), { deleted: true });
        }
      await Promise.all(proxies.map((proxy) => proxy.settled()));
      const table = await runIn('node1')('nft', ['list', 'table', 'inet', 'slipway']);
      assert.doesNotMatch(table, /default\//);
      assert.doesNotMatch(table, /elements/);
    });
  }),
);
