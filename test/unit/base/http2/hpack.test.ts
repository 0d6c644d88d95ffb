import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HpackDecoder, HpackError } from '../../../../src/base/http2/hpack-decoder.ts';
import { encodeResponse } from '../../../../src/base/http2/hpack-encoder.ts';

const decoded = (decoder: HpackDecoder, hex: string): string[] => {
  const fields: string[] = [];
  decoder.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'), ([name, value]) => fields.push(`${name}: ${value}`));
  return fields;
};

test('the examples of RFC 7541 are read, with and without Huffman codes', () => {
  const expected = [
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
    [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
  ];
  const plain = new HpackDecoder();
  assert.deepEqual(decoded(plain, '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d'), expected[0]);
  assert.deepEqual(decoded(plain, '8286 84be 5808 6e6f 2d63 6163 6865'), expected[1]);
  assert.deepEqual(decoded(plain, '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65'), expected[2]);
  const huffman = new HpackDecoder();
  assert.deepEqual(decoded(huffman, '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff'), expected[0]);
  assert.deepEqual(decoded(huffman, '8286 84be 5886 a8eb 1064 9cbf'), expected[1]);
  assert.deepEqual(decoded(huffman, '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf'), expected[2]);
});

test('entries leave a full table, oldest first, and one larger than the table empties it', () => {
  const decoder = new HpackDecoder();
  const literal = (name: string, value: string): string =>
    `40${Buffer.from([name.length]).toString('hex')}${Buffer.from(name).toString('hex')}7f${Buffer.from([((value.length - 127) % 128) | 128, Math.floor((value.length - 127) / 128)]).toString('hex')}${Buffer.from(value).toString('hex')}`;
  decoded(decoder, literal('a', 'x'.repeat(2000)));
  decoded(decoder, literal('b', 'y'.repeat(2000)));
  assert.equal(decoded(decoder, 'bf')[0]?.slice(0, 4), 'a: x');
  decoded(decoder, literal('c', 'z'.repeat(300)));
  assert.throws(() => decoded(decoder, 'c0'), HpackError);
  assert.equal(decoded(decoder, 'bf')[0]?.slice(0, 4), 'b: y');
  decoded(decoder, literal('d', 'w'.repeat(4090)));
  assert.throws(() => decoded(decoder, 'be'), HpackError);
  // The other side may make it smaller.
  decoded(decoder, literal('e', 'v'.repeat(200)));
  assert.throws(() => decoded(decoder, '20be'), HpackError);
});

test('blocks that cannot be right are refused', () => {
  for (const [hex, why] of [
    ['80', 'field number 0'],
    ['ff', 'a number that is cut short'],
    ['ffffffffffff0f', 'a number without end'],
    ['c8', 'a field that is not in the table'],
    ['4003616263', 'a value that is missing'],
    ['400a6162', 'a name that is cut short'],
    ['8220', 'a change of the table inside a block'],
    ['3fe21f', 'a table that was not allowed'],
    ['40016181fe', 'Huffman padding of zeros'],
    ['40016182ffff', 'Huffman padding of more than seven bits'],
    ['40016184fffffffc', 'the code for the end of a string'],
  ] as const)
    assert.throws(() => decoded(new HpackDecoder(), hex), HpackError, why);
});

test('what is encoded is read again', () => {
  const long = 'v'.repeat(20_000);
  for (const status of [200, 201, 404, 418, 500, 503]) {
    const block = encodeResponse(status, {
      'content-type': 'application/json',
      'content-length': 17,
      warning: ['299 - "a"', '299 - "b"'],
      'x-long': long,
      connection: 'close',
      'x-split': 'a\r\nset-cookie: b',
    });
    const fields: string[] = [];
    new HpackDecoder().decode(Buffer.from(block), ([name, value]) => fields.push(`${name}: ${value}`));
    assert.deepEqual(fields, [
      `:status: ${status}`,
      'content-type: application/json',
      'content-length: 17',
      'warning: 299 - "a"',
      'warning: 299 - "b"',
      `x-long: ${long}`,
      'x-split: a  set-cookie: b',
    ]);
  }
});
