/** What clients send that do not keep to the protocol: the connection or the stream ends with the right code, and memory has its bounds. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ErrorCode, Flag, PREFACE, Type } from '../../../../src/base/http2/http2-frames.ts';
import { frame, type RawFrame, raw, startServer, type TestServer } from './http2-server.ts';

let server: TestServer;
let requests = 0;
before(async () => {
  server = await startServer((stream) => {
    requests += 1;
    if (stream.head.path === '/held') stream.receive({ data: () => {}, end: () => {}, aborted: () => {} });
    else {
      stream.respond(200, {}, false);
      stream.end([Buffer.from('ok')]);
    }
  });
});
after(() => server.stop());

const SETTINGS = frame({ type: Type.SETTINGS });
const field = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
const PSEUDO = [field(':method', 'GET'), field(':scheme', 'https'), field(':path', '/'), field(':authority', 'a')];
const HELD = [field(':method', 'POST'), field(':scheme', 'https'), field(':path', '/held')];
const DONE = Flag.END_HEADERS | Flag.END_STREAM;
const headers = (streamId: number, fields: Buffer[], flags: number = DONE): Buffer =>
  frame({ type: Type.HEADERS, flags, streamId, payload: Buffer.concat(fields) });
const settings = (id: number, value: number): Buffer => {
  const payload = Buffer.alloc(6);
  payload.writeUInt16BE(id);
  payload.writeUInt32BE(value, 2);
  return frame({ type: Type.SETTINGS, payload });
};
const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

const send = (...frames: Buffer[]) => raw(server.port, [PREFACE, SETTINGS, ...frames]);
const goAway = (frames: RawFrame[]): number | undefined => frames.find(({ type }) => type === Type.GOAWAY)?.payload?.readUInt32BE(4);
const resetOf = (frames: RawFrame[], streamId: number): number | undefined =>
  frames.find((one) => one.type === Type.RST_STREAM && one.streamId === streamId)?.payload?.readUInt32BE(0);
const answered = (frames: RawFrame[], streamId: number): boolean =>
  frames.some((one) => one.type === Type.DATA && one.streamId === streamId && one.payload?.toString() === 'ok');

test('a request byte by byte, with padding, priority, continuations and unknown frames is answered', async () => {
  const [first, ...others] = PSEUDO as [Buffer, ...Buffer[]];
  const padded = Buffer.concat([Buffer.from([3]), number(0), Buffer.from([15]), first, Buffer.alloc(3)]);
  const bytes = Buffer.concat([
    PREFACE,
    SETTINGS,
    frame({ type: 0xee, payload: Buffer.alloc(20) }),
    frame({ type: Type.PRIORITY, streamId: 7, payload: Buffer.alloc(5) }),
    frame({ type: Type.HEADERS, flags: Flag.END_STREAM | Flag.PADDED | Flag.PRIORITY, streamId: 1, payload: padded }),
    ...others.map((payload, at) => frame({ type: Type.CONTINUATION, flags: at === 2 ? Flag.END_HEADERS : 0, streamId: 1, payload })),
  ]);
  const { frames } = await raw(
    server.port,
    Array.from(bytes, (byte) => Buffer.from([byte])),
  );
  assert.ok(answered(frames, 1));
});

const CONNECTION_ERRORS: Record<string, [code: number, ...frames: Buffer[]]> = {
  'no SETTINGS first': [ErrorCode.PROTOCOL_ERROR],
  'a frame above the limit': [ErrorCode.FRAME_SIZE_ERROR, frame({ type: Type.DATA, streamId: 1, length: 16_385 })],
  'DATA of the connection': [ErrorCode.PROTOCOL_ERROR, frame({ type: Type.DATA })],
  'DATA of a stream that was not begun': [ErrorCode.PROTOCOL_ERROR, frame({ type: Type.DATA, streamId: 9 })],
  'HEADERS of the connection': [ErrorCode.PROTOCOL_ERROR, headers(0, PSEUDO)],
  'an even stream': [ErrorCode.PROTOCOL_ERROR, headers(2, PSEUDO)],
  'padding beyond the frame': [
    ErrorCode.PROTOCOL_ERROR,
    frame({ type: Type.HEADERS, flags: DONE | Flag.PADDED, streamId: 1, payload: Buffer.from([9, 1, 2]) }),
  ],
  'a frame between HEADERS and CONTINUATION': [
    ErrorCode.PROTOCOL_ERROR,
    headers(1, PSEUDO, 0),
    frame({ type: Type.PING, payload: Buffer.alloc(8) }),
  ],
  'CONTINUATION of another stream': [ErrorCode.PROTOCOL_ERROR, headers(1, PSEUDO, 0), frame({ type: Type.CONTINUATION, streamId: 3 })],
  'CONTINUATION alone': [ErrorCode.PROTOCOL_ERROR, frame({ type: Type.CONTINUATION, streamId: 1 })],
  'a push by a client': [ErrorCode.PROTOCOL_ERROR, frame({ type: Type.PUSH_PROMISE, streamId: 1, payload: Buffer.alloc(4) })],
  'a header block that cannot be read': [ErrorCode.COMPRESSION_ERROR, headers(1, [Buffer.from([0xff])])],
  'RST_STREAM of a stream that was not begun': [
    ErrorCode.PROTOCOL_ERROR,
    frame({ type: Type.RST_STREAM, streamId: 5, payload: number(8) }),
  ],
  'a short RST_STREAM': [ErrorCode.FRAME_SIZE_ERROR, headers(1, HELD), frame({ type: Type.RST_STREAM, streamId: 1 })],
  'SETTINGS of a stream': [ErrorCode.PROTOCOL_ERROR, frame({ type: Type.SETTINGS, streamId: 1 })],
  'SETTINGS cut short': [ErrorCode.FRAME_SIZE_ERROR, frame({ type: Type.SETTINGS, payload: Buffer.alloc(5) })],
  'an acknowledgement with content': [
    ErrorCode.FRAME_SIZE_ERROR,
    frame({ type: Type.SETTINGS, flags: Flag.ACK, payload: Buffer.alloc(6) }),
  ],
  'push that is neither on nor off': [ErrorCode.PROTOCOL_ERROR, settings(2, 2)],
  'a first window beyond all': [ErrorCode.FLOW_CONTROL_ERROR, settings(4, 2 ** 31)],
  'a frame size below the least': [ErrorCode.PROTOCOL_ERROR, settings(5, 16_383)],
  'a window of the connection that grows by nothing': [ErrorCode.PROTOCOL_ERROR, frame({ type: Type.WINDOW_UPDATE, payload: number(0) })],
  'a window of the connection beyond all': [
    ErrorCode.FLOW_CONTROL_ERROR,
    frame({ type: Type.WINDOW_UPDATE, payload: number(2 ** 31 - 1) }),
  ],
  'a short PING': [ErrorCode.FRAME_SIZE_ERROR, frame({ type: Type.PING, payload: Buffer.alloc(7) })],
  'a short PRIORITY': [ErrorCode.FRAME_SIZE_ERROR, frame({ type: Type.PRIORITY, streamId: 1, payload: Buffer.alloc(4) })],
  'a header block without end': [
    ErrorCode.ENHANCE_YOUR_CALM,
    headers(1, PSEUDO, 0),
    ...Array.from({ length: 100 }, () => frame({ type: Type.CONTINUATION, streamId: 1 })),
  ],
  'a header block of megabytes': [
    ErrorCode.ENHANCE_YOUR_CALM,
    headers(1, PSEUDO, 0),
    frame({ type: Type.CONTINUATION, streamId: 1, payload: Buffer.alloc(16_384) }),
  ],
  'streams that are taken back in a flood (CVE-2023-44487)': [
    ErrorCode.ENHANCE_YOUR_CALM,
    ...Array.from({ length: 50 }, (_, at) => [
      headers(at * 2 + 1, HELD),
      frame({ type: Type.RST_STREAM, streamId: at * 2 + 1, payload: number(8) }),
    ]).flat(),
  ],
  'streams that the server must reset in a flood (CVE-2025-8671)': [
    ErrorCode.ENHANCE_YOUR_CALM,
    ...Array.from({ length: 50 }, (_, at) => [
      headers(at * 2 + 1, HELD, Flag.END_HEADERS),
      frame({ type: Type.WINDOW_UPDATE, streamId: at * 2 + 1, payload: number(0) }),
    ]).flat(),
  ],
};

for (const [what, [code, ...frames]] of Object.entries(CONNECTION_ERRORS))
  test(`${what} ends the connection`, async () => {
    const first = what === 'no SETTINGS first' ? [PREFACE, frame({ type: Type.PING, payload: Buffer.alloc(8) })] : [PREFACE, SETTINGS];
    const { frames: got, closed } = await raw(server.port, [...first, ...frames]);
    assert.equal(goAway(got), code);
    assert.ok(closed);
  });

test('what is no HTTP/2 is hung up on', async () => {
  const { closed } = await raw(server.port, [Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n')]);
  assert.ok(closed);
});

const STREAM_ERRORS: Record<string, [code: number, ...frames: Buffer[]]> = {
  'a name with capitals': [ErrorCode.PROTOCOL_ERROR, headers(1, [...PSEUDO, field('X-A', 'b')])],
  'a field of connections': [ErrorCode.PROTOCOL_ERROR, headers(1, [...PSEUDO, field('transfer-encoding', 'chunked')])],
  'te beyond trailers': [ErrorCode.PROTOCOL_ERROR, headers(1, [...PSEUDO, field('te', 'gzip')])],
  'a line break in a value': [ErrorCode.PROTOCOL_ERROR, headers(1, [...PSEUDO, field('x-a', 'b\r\nc: d')])],
  'no path': [ErrorCode.PROTOCOL_ERROR, headers(1, PSEUDO.toSpliced(2, 1))],
  'a path twice': [ErrorCode.PROTOCOL_ERROR, headers(1, [...PSEUDO, field(':path', '/other')])],
  'a path behind other fields': [ErrorCode.PROTOCOL_ERROR, headers(1, [...PSEUDO.toSpliced(2, 1), field('x-a', 'b'), field(':path', '/')])],
  'a field that only answers have': [ErrorCode.PROTOCOL_ERROR, headers(1, [...PSEUDO, field(':status', '200')])],
  'two lengths that differ': [
    ErrorCode.PROTOCOL_ERROR,
    headers(1, [...HELD, field('content-length', '1'), field('content-length', '2')], Flag.END_HEADERS),
  ],
  'more than the declared length': [
    ErrorCode.PROTOCOL_ERROR,
    headers(1, [...HELD, field('content-length', '2')], Flag.END_HEADERS),
    frame({ type: Type.DATA, streamId: 1, payload: Buffer.alloc(3) }),
  ],
  'less than the declared length': [
    ErrorCode.PROTOCOL_ERROR,
    headers(1, [...HELD, field('content-length', '2')], Flag.END_HEADERS),
    frame({ type: Type.DATA, flags: Flag.END_STREAM, streamId: 1, payload: Buffer.alloc(1) }),
  ],
  'a body after its end': [ErrorCode.STREAM_CLOSED, headers(1, HELD), frame({ type: Type.DATA, streamId: 1, payload: Buffer.alloc(1) })],
  'trailers without an end': [
    ErrorCode.PROTOCOL_ERROR,
    headers(1, HELD, Flag.END_HEADERS),
    headers(1, [field('x-a', 'b')], Flag.END_HEADERS),
  ],
  'a window that grows by nothing': [
    ErrorCode.PROTOCOL_ERROR,
    headers(1, HELD, Flag.END_HEADERS),
    frame({ type: Type.WINDOW_UPDATE, streamId: 1, payload: number(0) }),
  ],
  'a window beyond all': [
    ErrorCode.FLOW_CONTROL_ERROR,
    headers(1, HELD, Flag.END_HEADERS),
    frame({ type: Type.WINDOW_UPDATE, streamId: 1, payload: number(2 ** 31 - 1) }),
  ],
};

for (const [what, [code, ...frames]] of Object.entries(STREAM_ERRORS))
  test(`${what} ends the stream, and no other`, async () => {
    const { frames: got } = await send(...frames, headers(3, PSEUDO));
    assert.equal(resetOf(got, 1), code);
    assert.equal(goAway(got), undefined);
    assert.ok(answered(got, 3));
  });

test('streams above the limit are refused', async () => {
  const before = requests;
  const { frames } = await send(...Array.from({ length: 103 }, (_, at) => headers(at * 2 + 1, HELD, Flag.END_HEADERS)));
  assert.equal(requests - before, 100);
  assert.equal(resetOf(frames, 201), ErrorCode.REFUSED_STREAM);
});

test('headers above the limit are answered 431, and their table entries are not kept twice', async () => {
  const kept = Buffer.concat([Buffer.from([0x40, 1]), Buffer.from('a'), Buffer.from([0x7f, 0xa1, 0x1e]), Buffer.alloc(4000, 'x')]);
  // Five bytes name 4,000: a bomb, if they were copied.
  const bomb = Buffer.alloc(12_000, 0xbe);
  const { frames } = await send(headers(1, [...PSEUDO, kept, bomb]), headers(3, PSEUDO));
  const answer = frames.find((one) => one.type === Type.HEADERS && one.streamId === 1)?.payload?.toString('latin1') ?? '';
  assert.match(answer, /431/);
  assert.ok(answered(frames, 3));
});

test('more than the window of a stream ends it', async () => {
  const data = Array.from({ length: 5 }, () => frame({ type: Type.DATA, streamId: 1, payload: Buffer.alloc(16_384) }));
  // Nobody takes this body.
  const { frames } = await raw(server.port, [
    PREFACE,
    SETTINGS,
    headers(1, [...HELD.slice(0, 2), field(':path', '/untaken')], Flag.END_HEADERS),
    ...data,
  ]);
  assert.ok(frames.some((one) => one.streamId === 1 && one.type === Type.RST_STREAM));
});

test('questions whose answers are not read have a bound', async () => {
  const { createConnection } = await import('node:net');
  const socket = createConnection({ port: server.port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.pause();
  const pings = Buffer.concat(Array.from({ length: 20_000 }, () => frame({ type: Type.PING, payload: Buffer.alloc(8) })));
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(Buffer.concat([PREFACE, SETTINGS]));
  for (let count = 0; count < 200 && !socket.destroyed; count += 1) await new Promise((resolve) => socket.write(pings, resolve));
  await closed;
});
