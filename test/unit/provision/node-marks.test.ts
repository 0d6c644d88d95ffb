/** Labels, taints and roles that a cluster file gives its nodes: given, kept, and taken away without touching what others gave. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stored } from '../../../src/api/meta/object.ts';
import type { Node } from '../../../src/api/types/core-v1.ts';
import { sinceOf } from '../../../src/provision/node-marker.ts';
import { labelsOfItsOwn, markPatch } from '../../../src/provision/node-marks.ts';
import { clusterSpec } from '../../../src/provision/spec/cluster-spec.ts';

const spec = clusterSpec({ name: 'lab', nodes: 2 });
const worker = { ...spec.nodes[1]!, roles: ['gpu'], labels: { disk: 'fast' }, taints: ['gpu=a:NoSchedule'] };
const plain = spec.nodes[1]!;
const found = (metadata: object = {}, taints: object[] = []): Stored<Node> =>
  ({ metadata: { name: 'lab-2', labels: { own: 'x' }, ...metadata }, spec: { taints } }) as unknown as Stored<Node>;
const GIVEN = '{"labels":["disk","node-role.kubernetes.io/gpu"],"taints":["gpu:NoSchedule"]}';

test('a node that is to have nothing of ours is left alone', () => {
  assert.equal(markPatch(spec, plain, found({ annotations: {} }, [{ key: 'theirs', effect: 'NoExecute' }])), undefined);
});

test('what is missing is given, and remembered as given', () => {
  assert.deepEqual(markPatch(spec, worker, found({}, [{ key: 'theirs', effect: 'NoExecute' }])), {
    metadata: { labels: { disk: 'fast', 'node-role.kubernetes.io/gpu': '' }, annotations: { 'slipway.local/given': GIVEN } },
    spec: {
      taints: [
        { key: 'theirs', effect: 'NoExecute' },
        { key: 'gpu', value: 'a', effect: 'NoSchedule' },
      ],
    },
  });
});

const marked = found(
  { labels: { own: 'x', disk: 'fast', 'node-role.kubernetes.io/gpu': '' }, annotations: { 'slipway.local/given': GIVEN } },
  [
    { key: 'gpu', value: 'a', effect: 'NoSchedule' },
    { key: 'theirs', effect: 'NoExecute' },
  ],
);

test('a node that has it all is left alone', () => assert.equal(markPatch(spec, worker, marked), undefined));

test('what was given and is no more wanted is taken away; what others gave stays', () => {
  assert.deepEqual(markPatch(spec, plain, marked), {
    metadata: {
      labels: { disk: null, 'node-role.kubernetes.io/gpu': null },
      annotations: { 'slipway.local/given': '{"labels":[],"taints":[]}' },
    },
    spec: { taints: [{ key: 'theirs', effect: 'NoExecute' }] },
  });
});

test("labels of Kubernetes' own domains are not for the node to give itself", () => {
  assert.deepEqual(labelsOfItsOwn({ ...plain, labels: { a: '1', 'x.io/b': '2', 'topology.kubernetes.io/zone': 'z' } }), {
    a: '1',
    'x.io/b': '2',
  });
});

test('the later replacement counts: of the state, or of the machine itself where the state is of a computer that did not see it', () => {
  const marker = (since?: string, node = 'n-1') => JSON.stringify({ cluster: 'n', clusterCreatedAt: 'then', node, since });
  assert.equal(sinceOf({ name: 'n-1' }, undefined), undefined);
  assert.equal(sinceOf({ name: 'n-1' }, marker()), undefined);
  assert.equal(sinceOf({ name: 'n-1' }, marker('2026-11-29T08:00:00.000Z')), '2026-11-29T08:00:00.000Z');
  assert.equal(sinceOf({ name: 'n-1', since: '2026-11-29T09:00:00.000Z' }, marker('2026-11-29T08:00:00.000Z')), '2026-11-29T09:00:00.000Z');
  assert.equal(sinceOf({ name: 'n-1' }, marker('2026-11-29T08:00:00.000Z', 'n-2')), undefined, 'it was another node');
});
