import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Http2Connection, NotSentError } from '../../../src/client/rest/http2-connection.ts';
import { createAuthority, issueCertificate } from '../../../src/pki/certificates.ts';
import { until } from '../../support/until.ts';

/** On a thread of its own: it answers, slowly, while this one is kept busy. */
const SERVER = `
const { parentPort, workerData } = require('node:worker_threads');
const server = require('node:http2').createSecureServer({ ...workerData, SNICallback: (_, done) => setTimeout(done, 150) });
server.on('stream', (stream) => { stream.respond(); stream.end(); });
server.on('sessionError', () => {});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

const keepBusy = (ms: number): void => {
  const end = Date.now() + ms;
  while (Date.now() < end);
};

test('a handshake that ends as its time is over is a connection that was not made, and the next request makes one', async () => {
  const authority = await createAuthority({ commonName: 'test', years: 1 });
  const { certPem, keyPem } = await issueCertificate(authority, {
    commonName: 'server',
    dnsNames: ['server'],
    usages: ['server'],
    days: 1,
  });
  const worker = new Worker(SERVER, { eval: true, workerData: { cert: certPem, key: keyPem } });
  try {
    const [port] = await once(worker, 'message');
    const connection = new Http2Connection(`https://127.0.0.1:${port}`, {
      ca: authority.certPem,
      serverName: 'server',
      connectTimeoutMs: 1000,
      handshakeTimeoutMs: 200,
      pingIntervalMs: 10_000,
    });
    const request = () => connection.request({ ':path': '/' }, { endStream: true });
    let late = 0;
    // Busy until its time is over, and its end is there: timers come before what has arrived. How soon a handshake ends is the machine's to say.
    for (let ms = 30; ms < 150 || (!late && ms < 1500); ms += 30) {
      const asked = request();
      setTimeout(() => setImmediate(keepBusy, 300), ms % 150);
      await asked.then(
        async (stream) => {
          stream.destroy();
          await connection.close();
        },
        (error: unknown) => {
          assert.ok(error instanceof NotSentError);
          late++;
        },
      );
    }
    assert.ok(late > 0);
    // Where others keep the processor, it may take a few.
    const answered = async (): Promise<boolean> => {
      const stream = await request().catch((error: unknown) => assert.ok(error instanceof NotSentError));
      if (stream) await once(stream.resume(), 'close');
      return stream !== undefined;
    };
    await until(answered, { what: 'a request has a connection' });
    await connection.close();
  } finally {
    await worker.terminate();
  }
});

test('a server that takes connections is given more time for its handshake than one that does not answer', async () => {
  const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const connection = new Http2Connection(`https://127.0.0.1:${port}`, {
    connectTimeoutMs: 50,
    handshakeTimeoutMs: 400,
    pingIntervalMs: 10_000,
  });
  const began = performance.now();
  await assert.rejects(connection.request({ ':path': '/' }, { endStream: true }), { message: /no TLS handshake within 400 ms/ });
  assert.ok(performance.now() - began >= 390);
  silent.close();
});

test('closing does not wait for a handshake that never ends', async () => {
  const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const connection = new Http2Connection(`https://127.0.0.1:${port}`, { connectTimeoutMs: 20_000, pingIntervalMs: 10_000 });
  const asked = connection.request({ ':path': '/' }, { endStream: true });
  const refused = assert.rejects(asked, NotSentError);
  await once(silent, 'connection');
  const began = performance.now();
  await connection.close();
  await refused;
  assert.ok(performance.now() - began < 5000);
  silent.close();
});

/** Takes no more connections than its queue has room for, and says nothing to the others: what a firewall that drops does. */
const FULL = `
const { parentPort } = require('node:worker_threads');
const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30_000);
});
`;

test('an address that says nothing is given up in the time that is given, and by closing', async () => {
  const worker = new Worker(FULL, { eval: true });
  const [port] = await once(worker, 'message');
  const waiting: Socket[] = [];
  const isTaken = (socket: Socket): Promise<boolean> => Promise.race([once(socket, 'connect').then(() => true), delay(300, false)]);
  do waiting.push(connect(port, '127.0.0.1').on('error', () => {}));
  while (await isTaken(waiting.at(-1) as Socket));
  const open = (connectTimeoutMs: number): Http2Connection =>
    new Http2Connection(`https://127.0.0.1:${port}`, { connectTimeoutMs, pingIntervalMs: 10_000 });
  try {
    const began = performance.now();
    await assert.rejects(open(200).request({ ':path': '/' }, { endStream: true }), { message: /no connection within 200 ms/ });
    const patient = open(60_000);
    const refused = assert.rejects(patient.request({ ':path': '/' }, { endStream: true }), NotSentError);
    await patient.close();
    await refused;
    assert.ok(performance.now() - began < 5000);
  } finally {
    for (const socket of waiting) socket.destroy();
    await worker.terminate();
  }
});
