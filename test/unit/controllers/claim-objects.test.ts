import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replicaSet } from '../../../src/api/apps/replica-set.ts';
import { pod } from '../../../src/api/core/pod.ts';
import type { Stored } from '../../../src/api/meta/object.ts';
import { hasReason } from '../../../src/api/meta/status.ts';
import type { Pod } from '../../../src/api/types/core-v1.ts';
import type { Client } from '../../../src/client/client.ts';
import type { InformerReads } from '../../../src/client/informer/informer.ts';
import { claimObjects } from '../../../src/controllers/claim-objects.ts';

test('an owner that is being deleted, which the cache does not show yet, claims nothing and decides nothing', async () => {
  const labels = { app: 'web' };
  const orphan: Stored<Pod> = { metadata: { name: 'web-1', namespace: 'default', uid: 'p', labels } };
  const owner = { metadata: { name: 'web', namespace: 'default', uid: 'u' } };
  const live = { metadata: { ...owner.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  const client = { get: async () => live, patch: () => assert.fail('nothing is adopted') } as unknown as Client;
  const informer = { byIndex: (_: string, value: string) => (value === 'u' ? [] : [orphan]) } as unknown as InformerReads<Pod>;
  await assert.rejects(
    claimObjects({
      client,
      resource: pod,
      informer,
      ownerResource: replicaSet,
      ownerKind: replicaSet,
      owner,
      selector: { matchLabels: labels },
    }),
    (error: unknown) => hasReason(error, 'Conflict'),
  );
});
