import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../../src/api/meta/object.ts';
import { PARTIAL_UPDATES } from '../../../src/apiserver/registry/partial-updates.ts';

test('an approval changes conditions and metadata alone, and says when', () => {
  const [before, now] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
  const denied = { type: 'Denied', status: 'True', lastUpdateTime: before, lastTransitionTime: before };
  const old: KubeObject = { metadata: { name: 'c' }, spec: { request: 'x' }, status: { conditions: [denied], certificate: 'y' } };
  const next: KubeObject = {
    metadata: { name: 'c', annotations: { a: 'b' } },
    spec: { request: 'other' },
    status: {
      conditions: [
        { type: 'Denied', status: 'True' },
        { type: 'Approved', status: 'True' },
      ],
      certificate: 'other',
    },
  };
  PARTIAL_UPDATES['certificates.k8s.io/certificatesigningrequests/approval']?.(next, old, now);
  assert.deepEqual(next.metadata.annotations, { a: 'b' });
  assert.deepEqual(next['spec'], old['spec']);
  assert.deepEqual(next['status'], {
    certificate: 'y',
    conditions: [
      { type: 'Denied', status: 'True', lastUpdateTime: now, lastTransitionTime: before },
      { type: 'Approved', status: 'True', lastUpdateTime: now, lastTransitionTime: now },
    ],
  });
});
