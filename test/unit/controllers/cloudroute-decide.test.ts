import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stored } from '../../../src/api/meta/object.ts';
import type { Node } from '../../../src/api/types/core-v1.ts';
import { hasRoute, routeCondition, routedNodes, strayRanges } from '../../../src/controllers/cloudroute/cloudroute-decide.ts';

const node = (name: string, spec: Node['spec'], more: object = {}): Stored<Node> => ({ metadata: { name, ...more }, spec }) as Stored<Node>;
const A = node('a', { podCIDR: '10.244.0.0/24', providerID: 'aws:///eu-central-1a/i-1' });

test('a range leads to a machine of this cloud once both are known', () => {
  const others = [
    node('without-a-range', { providerID: 'aws:///eu-central-1a/i-2' }),
    node('without-a-machine', { podCIDR: '10.244.1.0/24' }),
    node('elsewhere', { podCIDR: '10.244.2.0/24', providerID: 'ssh://192.0.2.7' }),
    node('going', { podCIDR: '10.244.3.0/24', providerID: 'aws:///eu-central-1a/i-4' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
  ];
  const [routed, ...more] = routedNodes([A, ...others], 'aws');
  assert.deepEqual(routed?.route, { range: '10.244.0.0/24', machine: 'i-1' });
  assert.deepEqual(more, []);
  assert.ok(routed && hasRoute(routed, [{ range: '10.244.0.0/24', machine: 'i-1' }]));
  assert.ok(routed && !hasRoute(routed, [{ range: '10.244.0.0/24', machine: 'i-9' }]));
});

test('what leads to a range that no node has goes; that of a node whose machine is not known yet stays', () => {
  const there = ['10.244.0.0/24', '10.244.1.0/24', '10.244.9.0/24'].map((range) => ({ range, machine: 'i-1' }));
  assert.deepEqual(strayRanges(there, [A, node('b', { podCIDR: '10.244.1.0/24' })]), ['10.244.9.0/24']);
});

test('a node is told once whether its pods are reached', () => {
  const now = '2026-01-01T00:00:00Z';
  const made = routeCondition(A, { isRouted: true, now });
  assert.deepEqual(made, {
    type: 'NetworkUnavailable',
    status: 'False',
    reason: 'RouteCreated',
    message: 'RouteController created a route',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  });
  const told = { ...A, status: { conditions: made ? [made] : [] } };
  assert.equal(routeCondition(told, { isRouted: true, now }), undefined);
  assert.equal(routeCondition(told, { isRouted: false, now })?.status, 'True');
});
