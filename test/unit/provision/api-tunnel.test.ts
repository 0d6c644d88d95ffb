import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import type { Passage } from '../../../src/drivers/driver.ts';
import { openApiTunnel, openTunnelForJob, tunnelAccess, tunnelPortFor } from '../../../src/provision/api-tunnel.ts';
import { serveTunnel } from '../../../src/provision/serve-tunnel.ts';
import { clusterSpec } from '../../../src/provision/spec/cluster-spec.ts';
import { ClusterStateFolder } from '../../../src/provision/state/cluster-state.ts';
import { until } from '../../support/until.ts';

/** What lies at the end of the way: says back what it hears, once it has heard all of it. */
const echo = await new Promise<Server>((resolve) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1', () => resolve(server));
});
after(() => echo.close());

const passage = (more: Partial<Passage> = {}): Passage & { dialed: number[]; closed: boolean } => {
  const made = {
    through: ['root@gate'],
    dialed: [] as number[],
    closed: false,
    dial: async (port: number) => {
      made.dialed.push(port);
      const socket = connect({ port: (echo.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
      await once(socket, 'connect');
      return socket;
    },
    close: async () => {
      made.closed = true;
    },
    ...more,
  };
  return made;
};

const say = async (port: number, text: string): Promise<string> => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(text);
  let heard = '';
  for await (const part of socket) heard += String(part);
  return heard;
};

test('every connection is carried to the port of the API, all of it in both directions', async () => {
  const way = passage();
  const tunnel = await openApiTunnel(way);
  const text = 'x'.repeat(1_000_000);
  assert.equal(await say(tunnel.port, text), text);
  assert.equal(await say(tunnel.port, 'again'), 'again');
  assert.deepEqual(way.dialed, [6443, 6443]);
  await tunnel.close();
  assert.equal(way.closed, true);
  await assert.rejects(say(tunnel.port, 'late'), { code: 'ECONNREFUSED' });
});

test('a way that cannot be opened is told with the hosts on it, and the next connection tries again', async () => {
  const told: SlipwayError[] = [];
  let isAway = true;
  const way = passage();
  const { dial } = way;
  const tunnel = await openApiTunnel(
    { ...way, dial: (port) => (isAway ? Promise.reject(new Error('nobody listens')) : dial(port)) },
    { onFailure: (error) => told.push(error) },
  );
  await say(tunnel.port, 'x').catch(() => undefined);
  await until(() => told.length === 1);
  assert.equal(told[0]?.code, 'CONNECTION_REFUSED');
  assert.match(told[0]?.message ?? '', /by way of root@gate: nobody listens/);
  isAway = false;
  assert.equal(await say(tunnel.port, 'now'), 'now');
  await tunnel.close();
});

test('what is under way ends with the tunnel', async () => {
  const tunnel = await openApiTunnel(passage());
  const socket = connect({ port: tunnel.port, host: '127.0.0.1' });
  socket.on('error', () => {});
  await once(socket, 'connect');
  const ended = once(socket, 'close');
  await tunnel.close();
  await ended;
});

test('a port that is taken is refused; a job takes another one', async () => {
  const first = await openApiTunnel(passage());
  await assert.rejects(openApiTunnel(passage(), { port: first.port }), { code: 'ADDRESS_IN_USE' });
  const second = await openTunnelForJob(passage(), { port: first.port });
  assert.notEqual(second.port, first.port);
  assert.equal(await say(second.port, 'here'), 'here');
  await first.close();
  await second.close();
});

test('a cluster has the same port everywhere, below those that systems give out', () => {
  assert.equal(tunnelPortFor('lab'), tunnelPortFor('lab'));
  assert.notEqual(tunnelPortFor('lab'), tunnelPortFor('shop'));
  for (const name of ['lab', 'shop', 'a', 'b']) assert.ok(tunnelPortFor(name) >= 20_000 && tunnelPortFor(name) < 30_000);
  assert.deepEqual(tunnelAccess(20_001), { server: 'https://127.0.0.1:20001', tlsServerName: 'kubernetes' });
});

test('a tunnel that is being opened through a host that says nothing ends at once when it is interrupted', async () => {
  const home = mkdtempSync(join(tmpdir(), 'slipway-tunnel-'));
  process.env['SLIPWAY_HOME'] = home;
  const gate = createServer().listen(0, '127.0.0.1');
  const knocked = once(gate, 'connection') as Promise<[Socket]>;
  await once(gate, 'listening');
  const folder = new ClusterStateFolder('lab');
  const spec = clusterSpec({ name: 'lab', hosts: ['root@192.0.2.11'] });
  await folder.write({ version: 2, spec, phase: 'ready', createdAt: '2026-01-01T00:00:00Z', dataDir: home, addresses: {} });
  mkdirSync(join(folder.path, 'ssh'), { recursive: true });
  const identityFile = join(home, 'key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', identityFile]);
  const jumpHost = `root@127.0.0.1:${(gate.address() as AddressInfo).port}`;
  writeFileSync(
    join(folder.path, 'ssh/lab-1.json'),
    JSON.stringify({ host: 'root@192.0.2.11', address: '192.0.2.11', jumpHost, identityFile }),
  );
  const interrupt = new AbortController();
  const served = serveTunnel('lab', { port: 0, signal: interrupt.signal, onFailure: () => {} });
  const [socket] = await Promise.race([knocked, served.then(() => assert.fail('it is open'))]);
  const startedAt = Date.now();
  interrupt.abort();
  await assert.rejects(served, { name: 'AbortError' });
  assert.ok(Date.now() - startedAt < 2000);
  socket.destroy();
  gate.close();
  rmSync(home, { recursive: true });
});
