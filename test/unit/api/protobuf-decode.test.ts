import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeProtobuf } from '../../../src/api/protobuf/protobuf-decode.ts';

/** A body as kubectl sends it: the magic, then the envelope. Written with the least of protobuf. */
const field = (number: number, content: Buffer | string | number): Buffer => {
  if (typeof content === 'number') return Buffer.from([...varint(number << 3), ...varint(content)]);
  const bytes = Buffer.from(content as string);
  return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
};
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]);
const body = (apiVersion: string, kind: string, ...fields: Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.from([0x6b, 0x38, 0x73, 0]),
    field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])),
    field(2, Buffer.concat(fields)),
  ]);

test('maps, bytes and metadata', () => {
  const entry = (key: string, value: string) => Buffer.concat([field(1, key), field(2, value)]);
  const secret = decodeProtobuf(
    body('v1', 'Secret', field(1, field(1, 'name')), field(2, entry('a', 'b')), field(3, 'Opaque'), field(4, entry('c', 'd'))),
  );
  assert.deepEqual(secret, {
    kind: 'Secret',
    apiVersion: 'v1',
    metadata: { name: 'name' },
    data: { a: 'Yg==' },
    type: 'Opaque',
    stringData: { c: 'd' },
  });
});

test('embedded structs, int-or-string, quantities and times', () => {
  const port = Buffer.concat([field(1, 0), field(2, 8080)]);
  const probe = field(1, field(2, Buffer.concat([field(1, '/'), field(2, port)])));
  const requests = Buffer.concat([field(1, 'cpu'), field(2, field(1, '100m'))]);
  const container = Buffer.concat([field(1, 'c'), field(8, field(2, requests)), field(10, probe)]);
  const volume = Buffer.concat([field(1, 'v'), field(2, field(6, field(1, 's')))]);
  const pod = decodeProtobuf(
    body('v1', 'Pod', field(1, field(8, field(1, 1_000_000_000))), field(2, Buffer.concat([field(1, volume), field(2, container)]))),
  );
  assert.deepEqual(pod['metadata'], { creationTimestamp: '2001-09-09T01:46:40Z' });
  assert.deepEqual(pod['spec'], {
    volumes: [{ name: 'v', secret: { secretName: 's' } }],
    containers: [{ name: 'c', resources: { requests: { cpu: '100m' } }, livenessProbe: { httpGet: { path: '/', port: 8080 } } }],
  });
});

test('what is cut short, foreign or no protobuf is a bad request', () => {
  for (const bytes of [Buffer.from('x'), body('v1', 'Pod', Buffer.from([0x0a, 0x7f])), body('v9', 'Nothing')])
    assert.throws(
      () => decodeProtobuf(bytes),
      (error: any) => error.code === 400,
    );
});

test('schemas of custom resources hold schemas, lists of them and embedded JSON', () => {
  const stringSchema = field(5, 'string');
  const schema = Buffer.concat([
    field(5, 'object'),
    field(29, Buffer.concat([field(1, 'names'), field(2, Buffer.concat([field(5, 'array'), field(24, field(1, stringSchema))]))])),
    field(29, Buffer.concat([field(1, 'any'), field(2, Buffer.concat([field(5, 'object'), field(30, field(1, 1))]))])),
    field(
      29,
      Buffer.concat([field(1, 'texts'), field(2, Buffer.concat([field(30, field(2, stringSchema)), field(8, field(1, '{"a":1}'))]))]),
    ),
  ]);
  const version = Buffer.concat([field(1, 'v1'), field(4, field(1, schema))]);
  const definition = decodeProtobuf(body('apiextensions.k8s.io/v1', 'CustomResourceDefinition', field(2, field(7, version))));
  const [read] = (definition['spec'] as { versions: { schema: { openAPIV3Schema: unknown } }[] }).versions;
  assert.deepEqual(read?.schema.openAPIV3Schema, {
    type: 'object',
    properties: {
      names: { type: 'array', items: { type: 'string' } },
      any: { type: 'object', additionalProperties: true },
      texts: { additionalProperties: { type: 'string' }, default: { a: 1 } },
    },
  });
});
