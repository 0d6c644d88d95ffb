import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIpRange } from '../../../src/apiserver/registry/ip-range.ts';

test('the network and broadcast addresses are nobody’s', () => {
  const range = createIpRange('10.0.0.0/30');
  assert.deepEqual(
    ['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '::1', 'x'].map((address) => range.contains(address)),
    [false, true, true, false, false, false, false],
  );
});

test('every address is found once, then none', () => {
  const range = createIpRange('10.96.0.0/24');
  const used = new Set<string>();
  for (;;) {
    const address = range.pick((one) => !used.has(one));
    if (address === undefined) break;
    assert.ok(range.contains(address) && !used.has(address));
    used.add(address);
  }
  assert.equal(used.size, 254);
});

test('addresses by offset, also of IPv6', () => {
  assert.equal(createIpRange('10.96.0.0/16').at(10), '10.96.0.10');
  assert.equal(createIpRange('fd00::/112').at(1), 'fd00::1');
});
