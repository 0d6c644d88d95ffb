/** Our HTTP/2 beside node's client, which is a judge that we did not write. */
import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { after, before, test } from 'node:test';
import type { Http2Stream } from '../../../../src/base/http2/http2-stream.ts';
import { until } from '../../../support/until.ts';
import { ask, startServer, type TestServer } from './http2-server.ts';

const LARGE = Buffer.alloc(3_000_000, 'abcdefghijklmnopqrstuvwxyz');
let server: TestServer;
const seen: { path: string; headers: unknown }[] = [];
/** Streams whose answer a test gives itself. */
const held = new Map<string, Http2Stream>();

const bodyOf = (stream: Http2Stream): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    stream.receive({
      data: (bytes) => parts.push(Buffer.from(bytes)),
      end: () => resolve(Buffer.concat(parts)),
      aborted: () => reject(new Error('aborted')),
    });
  });

before(async () => {
  server = await startServer((stream) => {
    const { path, headers, method } = stream.head;
    seen.push({ path, headers });
    if (path === '/echo')
      void bodyOf(stream).then(
        (body) => {
          stream.respond(200, { 'x-method': method }, body.length === 0);
          if (body.length > 0) stream.end([body]);
        },
        () => {},
      );
    else if (path === '/large') {
      stream.respond(200, { 'content-length': LARGE.length }, method === 'HEAD');
      if (method !== 'HEAD') stream.end([LARGE.subarray(0, 10), LARGE.subarray(10, 1_000_000), LARGE.subarray(1_000_000)]);
    } else if (path.startsWith('/held')) held.set(path, stream);
    else {
      stream.respond(404, {}, false);
      stream.end([Buffer.from('nothing')]);
    }
  });
});
after(() => server.stop());

test('bodies of every size come and go whole, on one connection and at once', async () => {
  const session = await server.client();
  const sizes = [0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 700_000];
  const answers = await Promise.all(sizes.map((size) => ask(session, { ':path': '/echo', ':method': 'POST' }, LARGE.subarray(0, size))));
  for (const [at, answer] of answers.entries()) {
    assert.equal(answer.status, 200);
    assert.ok(answer.body.equals(LARGE.subarray(0, sizes[at])), `${sizes[at]} bytes`);
  }
  const lists = await Promise.all(Array.from({ length: 4 }, () => ask(session, { ':path': '/large' })));
  for (const { body } of lists) assert.ok(body.equals(LARGE));
  const head = await ask(session, { ':path': '/large', ':method': 'HEAD' });
  assert.equal(head.headers['content-length'], String(LARGE.length));
  assert.equal(head.body.length, 0);
  assert.equal((await ask(session, { ':path': '/none' })).status, 404);
});

test('headers come as they were sent: every character, repeated, sensitive, and many requests of the same', async () => {
  const session = await server.client();
  const printable = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('');
  for (let round = 0; round < 50; round += 1) {
    const headers = {
      'x-all': `x${printable}x`,
      'x-many': ['a', 'b'],
      cookie: ['a=1', 'b=2'],
      authorization: `Bearer ${round}`,
      'x-latin': 'æøå',
    };
    seen.length = 0;
    await ask(session, {
      ':path': `/none?round=${round}`,
      ...headers,
      [constants.HTTP2_HEADER_USER_AGENT]: 'test',
      'x-long': 'l'.repeat(3000),
    });
    const [{ path, headers: got } = { path: '', headers: {} }] = seen;
    assert.equal(path, `/none?round=${round}`);
    assert.deepEqual(
      { ...(got as object) },
      {
        ':authority': `127.0.0.1:${server.port}`,
        'x-all': `x${printable}x`,
        'x-many': 'a, b',
        cookie: 'a=1; b=2',
        authorization: `Bearer ${round}`,
        'x-latin': 'æøå',
        'user-agent': 'test',
        'x-long': 'l'.repeat(3000),
      },
    );
  }
});

test('a client that does not read holds nobody up, and gets everything once it does', async () => {
  const session = await server.client();
  const slow = session.request({ ':path': '/large' });
  slow.pause();
  await new Promise((resolve) => slow.once('response', resolve));
  assert.equal((await ask(session, { ':path': '/none' })).status, 404);
  const parts: Buffer[] = [];
  slow.on('data', (part: Buffer) => parts.push(part));
  slow.resume();
  await new Promise((resolve) => slow.once('end', resolve));
  assert.ok(Buffer.concat(parts).equals(LARGE));
});

test('a piece is written at once where there is room, and drained where there was none', async () => {
  const session = await server.client();
  const reading = session.request({ ':path': '/held/stream' });
  let received = 0;
  await until(() => held.has('/held/stream'));
  const stream = held.get('/held/stream')!;
  stream.respond(200, {}, false);
  assert.equal(stream.write(Buffer.from('first')), true);
  await new Promise((resolve) => reading.once('response', resolve));
  reading.pause();
  let writes = 0;
  while (stream.write(LARGE.subarray(0, 10_000)) && writes < 1000) writes += 1;
  assert.ok(writes < 100, 'a window has an end');
  const drained = new Promise<void>((resolve) => stream.onDrain(resolve));
  reading.on('data', (part: Buffer) => {
    received += part.length;
  });
  reading.resume();
  await drained;
  stream.end();
  await new Promise((resolve) => reading.once('end', resolve));
  assert.equal(received, 5 + (writes + 1) * 10_000);
});

test('a request that is taken back ends its stream, here too', async () => {
  const session = await server.client();
  const request = session.request({ ':path': '/held/taken' });
  request.on('error', () => {});
  await until(() => held.has('/held/taken'));
  const stream = held.get('/held/taken')!;
  const closed = new Promise<void>((resolve) => stream.onClose(resolve));
  request.close(constants.NGHTTP2_CANCEL);
  await closed;
  assert.ok(stream.isClosed);
  stream.respond(200, {}, true);
  const uploading = session.request({ ':path': '/echo', ':method': 'POST' });
  uploading.on('error', () => {});
  uploading.write('begun');
  uploading.close(constants.NGHTTP2_CANCEL);
  assert.equal((await ask(session, { ':path': '/none' })).status, 404);
});

test('an answer before the end of the body ends the upload', async () => {
  const session = await server.client();
  const request = session.request({ ':path': '/none', ':method': 'POST' });
  request.write(LARGE.subarray(0, 1000));
  request.on('data', () => {});
  await new Promise((resolve) => request.once('close', resolve));
  assert.equal(request.rstCode, constants.NGHTTP2_NO_ERROR);
  assert.equal((await ask(session, { ':path': '/none' })).status, 404);
});

test('a body that nobody takes stops at the window, and goes on when it is taken', async () => {
  const session = await server.client();
  const request = session.request({ ':path': '/held/body', ':method': 'POST' });
  request.end(LARGE);
  await until(() => held.has('/held/body'));
  const stream = held.get('/held/body')!;
  assert.equal((await ask(session, { ':path': '/none' })).status, 404);
  assert.ok((await bodyOf(stream)).equals(LARGE));
  stream.respond(204, {}, true);
  await new Promise((resolve) => {
    request.resume();
    request.once('close', resolve);
  });
});

test('a server that goes lets requests under way end and takes no new ones', async () => {
  const session = await server.client();
  const request = session.request({ ':path': '/held/last' });
  let text = '';
  request.on('data', (part: Buffer) => {
    text += part.toString();
  });
  await until(() => held.has('/held/last'));
  const told = new Promise((resolve) => session.once('goaway', resolve));
  server.connections.at(-1)?.close();
  await told;
  const stream = held.get('/held/last')!;
  stream.respond(200, {}, false);
  stream.end([Buffer.from('done')]);
  await new Promise((resolve) => request.once('end', resolve));
  assert.equal(text, 'done');
  await until(() => session.destroyed);
});
