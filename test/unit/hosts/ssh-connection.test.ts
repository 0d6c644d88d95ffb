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
