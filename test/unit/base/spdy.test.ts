import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { constants, createDeflate } from 'node:zlib';
import { createSpdyConnection, type SpdyStream } from '../../../src/base/streams/spdy.ts';
import { HEADER_DICTIONARY } from '../../../src/base/streams/spdy-dictionary.ts';
import { SpdyDecoder, SpdyEncoder, type SpdyFrame } from '../../../src/base/streams/spdy-frames.ts';
import { until } from '../../support/until.ts';

const connect = (options: { flowControl?: boolean } = {}) => {
  const [left, right] = duplexPair();
  const streams: SpdyStream[] = [];
  const waiting: ((stream: SpdyStream) => void)[] = [];
  const server = createSpdyConnection(right, {
    ...options,
    role: 'server',
    onStream: (stream) => {
      const next = waiting.shift();
      if (next) next(stream);
      else streams.push(stream);
    },
  });
  const client = createSpdyConnection(left, { ...options, role: 'client' });
  const accepted = (): Promise<SpdyStream> =>
    new Promise((resolve) => {
      const ready = streams.shift();
      if (ready) resolve(ready);
      else waiting.push(resolve);
    });
  const close = (): void => {
    left.destroy();
    right.destroy();
  };
  return { client, server, accepted, close };
};

test('the header dictionary is that of the protocol', () => {
  assert.equal(HEADER_DICTIONARY.length, 1423);
  assert.equal(
    createHash('sha256').update(HEADER_DICTIONARY).digest('hex'),
    '51d27341373f923f3cd88e1eb7162aeaa3723d7585ff2399201dc06498407f02',
  );
});

test('every frame is read as it was written, however its bytes are cut', async () => {
  const frames: SpdyFrame[] = [
    { kind: 'syn-stream', id: 1, headers: { streamtype: 'error', port: '80' }, fin: true, unidirectional: false },
    { kind: 'syn-reply', id: 1, headers: {}, fin: false },
    { kind: 'data', id: 1, data: Buffer.from('hello'), fin: true },
    { kind: 'rst-stream', id: 3, status: 5 },
    { kind: 'settings', initialWindow: 1000 },
    { kind: 'ping', id: 4 },
    { kind: 'window-update', id: 7, delta: 99 },
    { kind: 'headers', id: 1, headers: { a: 'ü' }, fin: false },
    { kind: 'go-away', lastId: 3, status: 0 },
  ];
  const encoder = new SpdyEncoder();
  const bytes = Buffer.concat(frames.map((frame) => encoder.encode(frame)));
  for (const size of [1, 3, 7, 1000]) {
    const decoder = new SpdyDecoder();
    const read: SpdyFrame[] = [];
    for (let offset = 0; offset < bytes.length; offset += size) read.push(...(await decoder.decode(bytes.subarray(offset, offset + size))));
    assert.deepEqual(read, frames);
    decoder.close();
  }
});

test('header blocks compressed with the dictionary are read, several in one zlib stream', async () => {
  const deflate = createDeflate({ dictionary: HEADER_DICTIONARY });
  const decoder = new SpdyDecoder();
  for (const value of ['data', 'error']) {
    const plain = Buffer.concat([
      Buffer.from([0, 0, 0, 1, 0, 0, 0, 10]),
      Buffer.from('streamtype'),
      Buffer.from([0, 0, 0, value.length]),
      Buffer.from(value),
    ]);
    const block = await new Promise<Buffer>((resolve) => {
      deflate.write(plain);
      deflate.flush(constants.Z_SYNC_FLUSH, () => resolve(deflate.read()));
    });
    const head = Buffer.from([0x80, 3, 0, 2, 0, 0, 0, 4 + block.length, 0, 0, 0, 1]);
    assert.deepEqual(await decoder.decode(Buffer.concat([head, block])), [
      { kind: 'syn-reply', id: 1, headers: { streamtype: value }, fin: false },
    ]);
  }
  decoder.close();
});

test('a frame of another version, or one too long, is refused', async () => {
  await assert.rejects(new SpdyDecoder().decode(Buffer.from([0x80, 2, 0, 1, 0, 0, 0, 0])), /version 2/);
  await assert.rejects(new SpdyDecoder().decode(Buffer.from([0, 0, 0, 1, 0, 0xff, 0xff, 0xff])), /too long/);
});

for (const flowControl of [false, true]) {
  test(`bytes go both ways and each way ends on its own (flow control ${flowControl})`, async () => {
    const { client, accepted, close } = connect({ flowControl });
    await client.ping();
    const opened = await client.openStream({ streamType: 'data' });
    const stream = await accepted();
    assert.equal(stream.headers['streamtype'], 'data');
    const payload = 'x'.repeat(3_000_000);
    opened.end(payload);
    assert.equal((await text(stream)).length, payload.length);
    stream.end(payload);
    assert.equal((await text(opened)).length, payload.length);
    close();
  });
}

test('a reset is seen as an error at the other end', async () => {
  const { client, accepted, close } = connect();
  const opened = await client.openStream({});
  (await accepted()).reset();
  await assert.rejects(text(opened), /reset/);
  close();
});

for (const isWhole of [true, false])
  test(`what has come is read also when the transport ends before it is (${isWhole ? 'all' : 'some'} had come)`, async () => {
    const { client, accepted, close } = connect();
    const [ours, theirs] = await Promise.all([client.openStream({ streamType: 'error' }), accepted()]);
    theirs.write('the end');
    if (isWhole) theirs.end();
    await until(() => ours.readableLength > 0);
    close();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(await text(ours), 'the end');
    await until(() => ours.destroyed);
  });

test('a transport that breaks ends every stream, and those being opened', async () => {
  const { client, close } = connect();
  const opened = await client.openStream({});
  const reading = text(opened);
  close();
  await assert.rejects(reading);
  await assert.rejects(client.openStream({}));
  await client.closed;
});
