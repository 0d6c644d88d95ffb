/** The CNI configuration with the real plugins, as containerd runs them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { cniConfig } from '../../src/agent/network/pods/cni-config.ts';
import { ServiceProxy } from '../../src/agent/network/proxy/service-proxy.ts';
import { runTool } from '../../src/agent/network/run-tool.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import { makeService, makeSlice } from './network-objects.ts';
import { inNamespace, makeLan, makeNode, runIn, Worker } from './network-sandbox.ts';

const PLUGINS = '/usr/lib/cni';
const HOST_PORTS = [{ hostPort: 8088, containerPort: 8080, protocol: 'tcp' }];

interface CniResult {
  ips: { address: string }[];
}

/** Runs the plugins of the list one after the other, each with the result of the one before. */
const run = (command: 'ADD' | 'DEL', node: string, pod: string, portMappings: object[]): CniResult => {
  const list = JSON.parse(cniConfig({ podCidr: '10.244.1.0/24' }));
  const plugins = command === 'ADD' ? list.plugins : [...list.plugins].reverse();
  let result: CniResult = { ips: [] };
  for (const plugin of plugins) {
    const config = {
      ...plugin,
      cniVersion: list.cniVersion,
      name: list.name,
      ...(plugin.capabilities ? { runtimeConfig: { portMappings } } : {}),
      ...(result.ips.length > 0 ? { prevResult: result } : {}),
    };
    const env = {
      PATH: process.env['PATH'],
      CNI_COMMAND: command,
      CNI_CONTAINERID: pod,
      CNI_NETNS: `/run/netns/${pod}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: PLUGINS,
    };
    const done = spawnSync('ip', ['netns', 'exec', node, `${PLUGINS}/${plugin.type}`], {
      input: JSON.stringify(config),
      env,
      encoding: 'utf8',
    });
    assert.equal(done.status, 0, `${plugin.type}: ${done.stdout} ${done.stderr}`);
    if (command === 'ADD') result = JSON.parse(done.stdout);
  }
  return result;
};

inNamespace(import.meta.url, () =>
  describe('pods made by the CNI plugins', { skip: existsSync(`${PLUGINS}/ptp`) ? false : 'needs the CNI plugins' }, () => {
    const workers: Record<string, Worker> = {};
    const addresses: Record<string, string> = {};
    let proxy: ServiceProxy;

    before(async () => {
      await makeLan();
      await makeNode('node1', 11);
      await makeNode('client', 99);
      for (const [pod, ports] of [
        ['a', [{ hostPort: 8088, containerPort: 8080, protocol: 'tcp' }]],
        ['b', []],
      ] as const) {
        await runTool('ip', ['netns', 'add', pod]);
        addresses[pod] = (run('ADD', 'node1', pod, [...ports]).ips[0]?.address ?? '').split('/')[0] as string;
        workers[pod] = new Worker(pod);
        await workers[pod].listen('tcp', 8080, pod);
      }
      workers['client'] = new Worker('client');
      const settings = { podCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/16', clusterDns: '10.96.0.10', nodePodCidr: '10.244.1.0/24' };
      proxy = new ServiceProxy({ nodeName: 'node1', run: runIn('node1'), log: createLogger({ level: 'warn' }), settings });
      await proxy.begin();
    });
    after(async () => {
      await proxy.stop();
      for (const worker of Object.values(workers)) await worker.close();
    });
    const ask = (from: string, target: string): Promise<string> => (workers[from] as Worker).ask(target);

    test('have addresses of the range and reach each other', async () => {
      assert.match(addresses['a'] ?? '', /^10\.244\.1\.\d+$/);
      assert.equal(await ask('a', `${addresses['b']}:8080`), `b ${addresses['a']}`);
    });

    test('reach a Service whose endpoint is on the same node, and themselves through it', async () => {
      proxy.setService('default/web', makeService('web', { clusterIP: '10.96.1.1', ports: [{ port: 80, targetPort: 8080 }] }));
      proxy.setSlice(makeSlice('web', [{ port: 8080 }], [{ address: addresses['a'] ?? '', node: 'node1' }]), { deleted: false });
      await proxy.settled();
      assert.equal(await ask('b', '10.96.1.1:80'), `a ${addresses['b']}`);
      assert.match(await ask('a', '10.96.1.1:80'), /^a /);
    });

    test('have their hostPort, from outside and from other pods, until they are deleted', async () => {
      assert.match(await ask('client', '172.31.0.11:8088'), /^a /);
      assert.match(await ask('b', '172.31.0.11:8088'), /^a /);
      run('DEL', 'node1', 'a', HOST_PORTS);
      assert.equal(await ask('client', '172.31.0.11:8088'), 'ECONNREFUSED');
    });
  }),
);
