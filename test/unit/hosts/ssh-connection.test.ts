import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import ssh2 from 'ssh2';
import { seededHostKey } from '../../../src/hosts/ssh/known-hosts.ts';
import { makeSshKey } from '../../../src/hosts/ssh/make-ssh-key.ts';
import { SshConnection } from '../../../src/hosts/ssh/ssh-connection.ts';
import { until } from '../../support/until.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-ssh-connection-'));
after(() => rmSync(folder, { recursive: true }));

test('a connection to a machine that is gone when it is closed does not stay', async () => {
  const hostKey = makeSshKey('host');
  const identityFile = join(folder, 'id');
  writeFileSync(identityFile, makeSshKey('me').privateKey, { mode: 0o600 });
  const server = new ssh2.Server({ hostKeys: [hostKey.privateKey] }, (client) => {
    client.on('error', () => {});
    client.on('authentication', (context) => context.accept());
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec) => {
        const channel = acceptExec();
        channel.exit(0);
        channel.end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Between the two, as a network is: what has vanished behind it answers nothing, not even a farewell.
  const sides: Socket[] = [];
  const network = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
    near.pipe(far, { end: false });
    far.pipe(near, { end: false });
    sides.push(near, far);
    for (const side of [near, far]) side.on('error', () => side.destroy());
  });
  await new Promise<void>((resolve) => network.listen(0, '127.0.0.1', resolve));
  const { port } = network.address() as AddressInfo;
  try {
    const connection = new SshConnection({
      target: { host: '127.0.0.1', port, user: 'root' },
      identityFile,
      knownHosts: seededHostKey(hostKey.publicKey),
    });
    assert.equal((await connection.exec('true')).exitCode, 0);
    await connection.close();
    // Nobody takes what is written to a socket that is gone.
    await until(async () => !sides[0]?.write('x') && sides[0]?.destroyed, { withinMs: 10_000 });
  } finally {
    for (const side of sides) side.destroy();
    network.close();
    server.close();
  }
});

/** An sshd that takes every key, runs nothing and says which keys it was shown; `forwards` is what it makes of streams to other ports. */
const startServer = async (forwards: 'all' | 'none'): Promise<{ port: number; line: string; close: () => void; shown: string[] }> => {
  const hostKey = makeSshKey('host');
  const shown: string[] = [];
  const server = new ssh2.Server({ hostKeys: [hostKey.privateKey] }, (client) => {
    client.on('error', () => {});
    client.on('authentication', (context) => {
      shown.push(context.method);
      context.accept();
    });
    if (forwards === 'all')
      client.on('tcpip', (accept, reject, { destIP, destPort }) => {
        const socket = connect(destPort, destIP);
        socket.once('connect', () => void socket.pipe(accept()).pipe(socket)).once('error', () => reject());
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, line: hostKey.publicKey, close: () => server.close(), shown };
};

const ownKey = (): string => {
  const path = join(folder, 'own');
  writeFileSync(path, makeSshKey('me').privateKey, { mode: 0o600 });
  return path;
};

test('a stream to a port of a host whose sshd makes none begins at the host before it', async () => {
  const [gate, host] = [await startServer('all'), await startServer('none')];
  const service = createServer((socket) => socket.end('hello'));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const hop = { host: '127.0.0.1', user: 'root' };
  const options = { identityFile: ownKey(), knownHosts: seededHostKey(gate.line, host.line) };
  const through = new SshConnection({ ...options, target: { ...hop, port: host.port }, jumps: [{ ...hop, port: gate.port }] });
  const alone = new SshConnection({ ...options, target: { ...hop, port: host.port } });
  try {
    let heard = '';
    for await (const part of await through.dial((service.address() as AddressInfo).port)) heard += String(part);
    assert.equal(heard, 'hello');
    await assert.rejects(alone.dial((service.address() as AddressInfo).port));
  } finally {
    await Promise.all([through.close(), alone.close()]);
    service.close();
    gate.close();
    host.close();
  }
});

test('an agent that does not answer is passed over, and the key file is tried', async () => {
  const host = await startServer('all');
  const connection = new SshConnection({
    target: { host: '127.0.0.1', port: host.port, user: 'root' },
    identityFile: ownKey(),
    agentSocket: join(folder, 'no-agent'),
    knownHosts: seededHostKey(host.line),
  });
  try {
    await assert.rejects(connection.dial(1), /Channel open failure/);
    assert.deepEqual([...new Set(host.shown)], ['publickey']);
  } finally {
    await connection.close();
    host.close();
  }
});
