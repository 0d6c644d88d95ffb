import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { macOf } from '../../src/agent/network/pods/pod-routes.ts';
import { VXLAN_DEVICE } from '../../src/api/config/agent-config.ts';
import { until } from '../support/until.ts';
import type { NodeCommand } from './network-node.ts';
import { makeNodeObject, makePodObject, NodeProcess, type WithoutId } from './network-node-process.ts';
import { type EndpointDraft, makeService, makeSlice } from './network-objects.ts';
import { inNamespace, makeLan, makeNode, makePod, runIn, Worker } from './network-sandbox.ts';

const defineTests = (overlay: 'routes' | 'vxlan'): void => {
  describe(`networks of two nodes with ${overlay}`, () => {
    const suffix = overlay === 'routes' ? '' : 'v';
    const names = [`n1${suffix}`, `n2${suffix}`] as const;
    const nodes: NodeProcess[] = [];
    const pods: Record<string, Worker> = {};
    const everywhere = (command: WithoutId<NodeCommand>): Promise<string[]> => Promise.all(nodes.map((one) => one.send(command)));
    const first = (): NodeProcess => nodes[0] as NodeProcess;
    const second = (): NodeProcess => nodes[1] as NodeProcess;

    before(async () => {
      if (overlay === 'routes') await makeLan();
      for (const [index, name] of names.entries()) {
        await makeNode(name, 11 + index);
        // What an agent of an earlier version has left: a tunnel whose packets have checksums.
        if (overlay === 'vxlan')
          await runIn(name)('ip', [
            ...['link', 'add', VXLAN_DEVICE, 'address', macOf(`172.31.0.${11 + index}`), 'type', 'vxlan', 'id', '1', 'dev', 'eth0'],
            ...['local', `172.31.0.${11 + index}`, 'dstport', '4789', 'nolearning'],
          ]);
        nodes.push(new NodeProcess(name, 11 + index, overlay));
      }
      for (const node of nodes) await until(() => node.has('started'));
      for (const [index, name] of names.entries())
        await everywhere({ do: 'set', resource: 'nodes', object: makeNodeObject(name, index + 1) });
      await everywhere({ do: 'synced' });
      pods['a'] = await makePod(`a${suffix}`, names[0], '10.244.1.2');
      pods['b'] = await makePod(`b${suffix}`, names[1], '10.244.2.2');
      for (const name of ['a', 'b']) await (pods[name] as Worker).listen('tcp', 8080, name);
    });
    after(async () => {
      for (const node of nodes) await node.stop();
      for (const pod of Object.values(pods)) await pod.close();
      for (const name of names) await runIn(name)('ip', ['link', 'delete', 'eth0']);
    });

    test('the CNI configuration is there once the node has its range', async () => {
      for (const [index, node] of nodes.entries()) {
        await until(() => node.has('ready'));
        const conflist = JSON.parse(readFileSync(`/run/${node.name}/cni/10-slipway.conflist`, 'utf8'));
        assert.deepEqual(conflist.plugins[0].ipam.ranges, [[{ subnet: `10.244.${index + 1}.0/24` }]]);
        assert.equal(conflist.plugins[0].mtu, overlay === 'vxlan' ? 1450 : undefined);
      }
    });

    test('pods of different nodes reach each other with their own addresses', async () => {
      await until(async () => (await (pods['a'] as Worker).ask('10.244.2.2:8080')) === 'b 10.244.1.2');
      assert.equal(await (pods['b'] as Worker).ask('10.244.1.2:8080'), 'a 10.244.2.2');
    });

    if (overlay === 'vxlan')
      test('packets whose addresses are translated on the way arrive', async () => {
        const node = runIn(names[0]);
        await node('ip', ['address', 'add', '172.31.0.111/24', 'dev', 'eth0']);
        await node('nft', [
          'table ip way { chain out { type nat hook postrouting priority srcnat; udp dport 4789 snat to 172.31.0.111; }; }',
        ]);
        for (const from of ['a', 'b'])
          for (let time = 0; time < 5; time++) {
            const to = from === 'a' ? '10.244.2.2:8080' : '10.244.1.2:8080';
            assert.match(await (pods[from] as Worker).ask(to), /^[ab] 10\.244/, `${from} to ${to}`);
          }
        const seen = await runIn(names[1])('conntrack', ['-L', '-p', 'udp', '--orig-src', '172.31.0.111']);
        assert.match(seen, /dport=4789/, 'packets came from the other address');
        await node('nft', ['delete table ip way']);
        await node('ip', ['address', 'del', '172.31.0.111/24', 'dev', 'eth0']);
      });

    test('a node that is removed takes its route with it', async () => {
      const ghost = makeNodeObject('ghost', 77);
      await first().send({ do: 'set', resource: 'nodes', object: ghost });
      const routes = (): Promise<string> => runIn(names[0])('ip', ['route']);
      await until(async () => (await routes()).includes('10.244.77.0/24'));
      await first().send({ do: 'set', resource: 'nodes', object: ghost, deleted: true });
      await until(async () => !(await routes()).includes('10.244.77.0/24'));
      assert.match(await routes(), /10\.244\.2\.0\/24/);
    });

    test('services are known by rule and by name on both nodes', async () => {
      await everywhere({
        do: 'set',
        resource: 'services',
        object: makeService('web', { clusterIP: '10.96.1.1', ports: [{ port: 80, targetPort: 8080 }] }),
      });
      const endpoints: EndpointDraft[] = [
        { address: '10.244.1.2', node: names[0] },
        { address: '10.244.2.2', node: names[1] },
      ];
      await everywhere({ do: 'set', resource: 'endpointslices', object: makeSlice('web', [{ port: 8080 }], endpoints) });
      for (const pod of ['a', 'b']) await until(async () => /^[ab] /.test(await (pods[pod] as Worker).ask('10.96.1.1:80')));
      const script = `const r=new (require('dns').promises.Resolver)();r.setServers(['10.96.0.10']);r.resolve4('web.default.svc.cluster.local').then(console.log)`;
      for (const pod of [`a${suffix}`, names[1]]) assert.match(await runIn(pod)(process.execPath, ['-e', script]), /10\.96\.1\.1/);
    });

    test('a service of the nodes themselves, as the API server is one, is reached from pods and nodes', async () => {
      const api = (name: string, index: number) => ({ address: `172.31.0.${10 + index}`, node: name });
      const hosts = names.map((name) => new Worker(name));
      for (const [index, host] of hosts.entries()) await host.listen('tcp', 6443, `api${index + 1}`);
      const kubernetes = makeService('kubernetes', { clusterIP: '10.96.0.1', ports: [{ port: 443, targetPort: 6443 }] });
      await everywhere({ do: 'set', resource: 'services', object: kubernetes });
      for (const [index, name] of names.entries()) {
        await everywhere({
          do: 'set',
          resource: 'endpointslices',
          object: makeSlice('kubernetes', [{ port: 6443 }], [api(name, index + 1)]),
        });
        for (const from of [...hosts, ...Object.values(pods)])
          await until(async () => (await from.ask('10.96.0.1:443')).startsWith(`api${index + 1} `), { withinMs: 10_000 });
      }
      for (const host of hosts) await host.close();
    });

    test('a pod is drained when every node has taken it out of its rules, not before', async () => {
      const leaving = makeSlice(
        'web',
        [{ port: 8080 }],
        [
          { address: '10.244.1.2', node: names[0], ready: false, serving: true, terminating: true },
          { address: '10.244.2.2', node: names[1] },
        ],
      );
      const drained = first().drain(makePodObject('10.244.1.2'));
      await first().send({ do: 'set', resource: 'endpointslices', object: leaving });
      await new Promise((resolve) => setTimeout(resolve, 150));
      await second().send({ do: 'set', resource: 'endpointslices', object: leaving });
      const result = await drained;
      assert.equal(result.drained, true);
      assert.ok(result.ms >= 150 && result.ms < 1_900, `${result.ms} ms`);
      for (let index = 0; index < 20; index += 1) assert.match(await (pods['b'] as Worker).ask('10.96.1.1:80'), /^b /);
    });

    test('a pod that no Service knows is drained at once, and a dead node holds nobody for longer than the bound', async () => {
      assert.ok((await first().drain(makePodObject('10.244.1.99'))).ms < 50);
      await second().stop('SIGKILL');
      const gone = makeSlice('web', [{ port: 8080 }], [{ address: '10.244.2.2', node: names[1] }]);
      await first().send({ do: 'set', resource: 'endpointslices', object: gone });
      const held = await first().drain(makePodObject('10.244.1.2'));
      assert.equal(held.drained, false);
      assert.ok(held.ms >= 1_900 && held.ms < 4_000, `${held.ms} ms`);
      await first().send({ do: 'set', resource: 'nodes', object: makeNodeObject(names[1], 2, false) });
      assert.equal((await first().drain(makePodObject('10.244.1.2'))).drained, true);
    });
  });
};

inNamespace(import.meta.url, () => {
  for (const overlay of ['routes', 'vxlan'] as const) defineTests(overlay);
});
