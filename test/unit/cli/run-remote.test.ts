/** exec and attach on the streams of this process, against a WebSocket server that answers as an API server does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import type { Io } from '../../../src/cli/io.ts';
import { runRemote } from '../../../src/cli/kube/run-remote.ts';
import type { Session } from '../../../src/cli/kube/session.ts';

const ERROR_CHANNEL = 3;
const STDOUT_CHANNEL = 1;

test('a file as stdin, as in cron jobs and CI, is read to its end', async (context) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'v5.channel.k8s.io' });
  context.after(() => server.close());
  await once(server, 'listening');
  server.on('connection', (socket) => {
    // Answers when it has heard of the end of stdin.
    socket.once('message', () => {
      socket.send(Buffer.concat([Buffer.of(STDOUT_CHANNEL), Buffer.from('hello\n')]));
      socket.send(Buffer.concat([Buffer.of(ERROR_CHANNEL), Buffer.from('{"status":"Success"}')]));
    });
  });
  const stdout = new PassThrough();
  const io = { stdin: createReadStream('/dev/null'), stdout, stderr: new PassThrough(), err: () => {} } as unknown as Io;
  const session = { endpoint: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } } as unknown as Session;
  const pod = { metadata: { name: 'web', namespace: 'default' }, spec: { containers: [{ name: 'web' }] } } as never;
  assert.equal(await runRemote(session, pod, { kind: 'exec', container: 'web', command: ['true'], stdin: true, tty: false }, io), 0);
  assert.equal(String(stdout.read()), 'hello\n');
});
