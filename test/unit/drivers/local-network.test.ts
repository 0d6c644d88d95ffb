import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { overlaps, parseRange } from '../../../src/drivers/free-range.ts';
import { forwardDrops, linkName, macFor, releasePrefix, reservePrefix } from '../../../src/drivers/local/local-network.ts';

const OVERLAPS: readonly [range: string, prefix: string, expected: boolean][] = [
  ['10.89.4.0/24', '10.89.4', true],
  ['10.89.4.0/24', '10.89.5', false],
  ['10.89.0.0/16', '10.89.200', true],
  ['10.0.0.0/8', '172.31.240', false],
  ['10.89.4.17', '10.89.4', true],
  ['10.89.4.128/25', '10.89.4', true],
  ['172.16.0.0/12', '172.31.240', true],
  ['0.0.0.0/1', '10.89.0', true],
  ['128.0.0.0/1', '172.31.240', true],
];

for (const [range, prefix, expected] of OVERLAPS)
  test(`${range} ${expected ? 'shares addresses with' : 'leaves free'} ${prefix}.0/24`, () => {
    assert.equal(overlaps(parseRange(range), prefix), expected);
  });

test('names of links fit into the 15 characters of the kernel and differ', () => {
  const names = [
    linkName('br', '/data', 'demo'),
    linkName('if', '/data', 'demo', 'demo-1'),
    linkName('if', '/data', 'demo', 'demo-2'),
    linkName('br', '/x', 'demo'),
  ];
  assert.ok(names.every((name) => name.length <= 15));
  assert.equal(new Set(names).size, names.length);
});

test('an address always gets the same MAC, which is local and no multicast', () => {
  assert.equal(macFor('10.89.0.11'), '0a:58:0a:59:00:0b');
});

const FORWARD: readonly [rules: string, drops: boolean][] = [
  ['-P FORWARD ACCEPT\n', false],
  ['-P FORWARD DROP\n', true],
  ['-P FORWARD ACCEPT\n-A FORWARD -j DOCKER-USER\n', true],
  ['-P FORWARD ACCEPT\n-A FORWARD -i eth0 -j ACCEPT\n', false],
  ['-P FORWARD ACCEPT\n-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n', true],
];

for (const [rules, drops] of FORWARD)
  test(`${JSON.stringify(rules)} ${drops ? 'can drop' : 'drops nothing'}`, () => {
    assert.equal(forwardDrops(rules), drops);
  });

test('two clusters never reserve one range, and a cluster keeps its own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-networks-'));
  try {
    const taken = await Promise.all(['a', 'b', 'c'].map((owner) => reservePrefix(folder, owner)));
    assert.equal(new Set(taken).size, 3);
    assert.equal(await reservePrefix(folder, 'b'), taken[1]);
    await assert.rejects(reservePrefix(folder, 'd', taken[0]), { code: 'ADDRESS_IN_USE' });
    for (const owner of ['a', 'b', 'c']) releasePrefix(folder, owner);
    assert.deepEqual(readdirSync(folder), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
