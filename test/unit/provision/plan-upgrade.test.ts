import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, planUpgrade } from '../../../src/provision/upgrade/plan-upgrade.ts';

test('versions are compared by numbers, and one with a suffix comes before the one without', () => {
  const sorted = ['0.1.0', '0.2.0-rc.1', '0.2.0', '0.10.0', '1.0.0'];
  assert.deepEqual([...sorted].reverse().toSorted(compareVersions), sorted);
  assert.equal(compareVersions('1.0.0+a', '1.0.0'), 0);
});

const node = (name: string, version: string, server?: string) => ({
  name,
  controlPlane: server !== undefined,
  laid: version,
  agent: version,
  server,
});

test('servers come first, then workers, and control planes as nodes last', () => {
  const plan = planUpgrade('demo', [node('a', '0.1.0', '0.1.0'), node('b', '0.1.0')], '0.2.0');
  assert.deepEqual(
    plan.map(({ node: name, what }) => `${what} ${name}`),
    ['server a', 'agent b', 'agent a'],
  );
});

test('what an interrupted upgrade has done is not done again', () => {
  const plan = planUpgrade('demo', [node('a', '0.1.0', '0.2.0'), node('b', '0.2.0'), { ...node('c', '0.1.0'), laid: '0.2.0' }], '0.2.0');
  assert.deepEqual(
    plan.map(({ node: name, what }) => `${what} ${name}`),
    ['agent c', 'agent a'],
  );
  assert.deepEqual(planUpgrade('demo', [node('a', '0.2.0', '0.2.0')], '0.2.0'), []);
});

test('there is no way back by upgrade', () => {
  assert.throws(() => planUpgrade('demo', [node('a', '0.2.0', '0.3.0')], '0.2.0'), /version 0\.3\.0/);
});
