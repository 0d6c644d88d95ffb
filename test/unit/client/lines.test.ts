import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesOf } from '../../../src/client/rest/lines.ts';
import { ServerList } from '../../../src/client/rest/server-list.ts';

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text, 'latin1');
}
const collect = async (source: AsyncIterable<string>): Promise<string[]> => {
  const lines: string[] = [];
  for await (const line of source) lines.push(line);
  return lines;
};

test('lines are joined across chunks, blank ones are dropped, and a cut-off last one is no line', async () => {
  assert.deepEqual(await collect(linesOf(chunks('a', 'b\n\nc\nd', '\ne'))), ['ab', 'c', 'd']);
});

test('a character that is split between chunks comes out whole', async () => {
  const bytes = Buffer.from('é\n');
  async function* split(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 1);
    yield bytes.subarray(1);
  }
  assert.deepEqual(await collect(linesOf(split())), ['é']);
});

test('a line without end is refused beyond the bound', async () => {
  await assert.rejects(collect(linesOf(chunks('aaaa', 'bbbb'), { maxBytes: 6 })), RangeError);
});

test('the server that answered is tried first, one that failed last, and again in its place after a while', () => {
  let now = 0;
  const servers = new ServerList(['https://a', 'https://b/', 'https://c'], () => now);
  assert.deepEqual(servers.inOrder(), ['https://a', 'https://b', 'https://c']);
  servers.failed('https://a');
  assert.deepEqual(servers.inOrder(), ['https://b', 'https://c', 'https://a']);
  servers.answered('https://c');
  assert.deepEqual(servers.inOrder(), ['https://c', 'https://b', 'https://a']);
  now = 11_000;
  assert.deepEqual(servers.inOrder(), ['https://c', 'https://a', 'https://b']);
});
