/**
 * How long rules take to change, by the number of Services; and DNS answers a second. In namespaces of its own:
 * `unshare -n -m sh -c 'ip link set lo up; node test/bench/proxy-bench.ts'`.
 */
import dgram from 'node:dgram';
import dnsPacket from 'dns-packet';
import { ClusterZone } from '../../src/agent/network/dns/cluster-zone.ts';
import { createResponder } from '../../src/agent/network/dns/dns-responder.ts';
import { DnsServer } from '../../src/agent/network/dns/dns-server.ts';
import { ServiceProxy } from '../../src/agent/network/proxy/service-proxy.ts';
import { runTool } from '../../src/agent/network/run-tool.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import { makeService, makeSlice } from '../integration/network-objects.ts';

const log = createLogger({ level: 'warn' });
const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.trunc(numbers.length / 2)] ?? 0;
const print = (text: string): boolean => process.stdout.write(`${text}\n`);
const ipOf = (index: number): string => `10.96.${Math.trunc(index / 250)}.${index % 250}`;
const endpoints = (index: number, last: number) => [1, last].map((part) => ({ address: `10.244.${index % 250}.${part}`, node: 'n1' }));

for (const count of [10, 100, 1_000, 5_000]) {
  const settings = { podCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/16', clusterDns: '10.96.255.10', nodePodCidr: '10.244.1.0/24' };
  const proxy = new ServiceProxy({ nodeName: 'n1', run: runTool, log, settings });
  for (let index = 0; index < count; index += 1) {
    const name = `svc-${index}`;
    proxy.setService(`default/${name}`, makeService(name, { clusterIP: ipOf(index), ports: [{ port: 80, targetPort: 8080 }] }));
    proxy.setSlice(makeSlice(name, [{ port: 8080 }], endpoints(index, 2)), { deleted: false });
  }
  const began = performance.now();
  await proxy.begin();
  const whole = performance.now() - began;
  const times: number[] = [];
  for (let round = 0; round < 11; round += 1) {
    const start = performance.now();
    proxy.setSlice(makeSlice('svc-5', [{ port: 8080 }], endpoints(5, 10 + round)), { deleted: false });
    await proxy.settled();
    times.push(performance.now() - start);
  }
  print(
    `${String(count).padStart(5)} Services: whole table ${whole.toFixed(0)} ms, one change of endpoints ${median(times).toFixed(1)} ms`,
  );
  await proxy.stop();
}

const zone = new ClusterZone('cluster.local');
for (let index = 0; index < 1_000; index += 1)
  zone.setService(`default/svc-${index}`, makeService(`svc-${index}`, { clusterIP: ipOf(index), ports: [{ port: 80 }] }));
const server = new DnsServer({
  address: '127.0.0.1',
  port: 0,
  log,
  respond: createResponder({ zone, resolveUpstream: () => Promise.reject(new Error('none')), isReady: () => true, random: Math.random }),
});
await server.start();
const socket = dgram.createSocket('udp4');
const QUERIES = 30_000;
const IN_FLIGHT = 64;
let sent = 0;
let received = 0;
const send = (): void => {
  const name = `svc-${sent % 1_000}.default.svc.cluster.local`;
  socket.send(
    dnsPacket.encode({ type: 'query', id: sent++ % 65_536, flags: 256, questions: [{ type: 'A', name }] }),
    server.port,
    '127.0.0.1',
  );
};
const start = performance.now();
await new Promise<void>((resolve) => {
  socket.on('message', () => {
    received += 1;
    if (received === QUERIES) resolve();
    else if (sent < QUERIES) send();
  });
  for (let index = 0; index < IN_FLIGHT; index += 1) send();
});
print(`DNS: ${Math.round((QUERIES / (performance.now() - start)) * 1_000)} answers/s, client in the same thread`);
socket.close();
await server.stop();
