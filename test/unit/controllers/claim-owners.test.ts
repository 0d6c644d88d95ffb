import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Stored } from '../../../src/api/meta/object.ts';
import type { StatefulSet } from '../../../src/api/types/apps-v1.ts';
import type { OwnerReference } from '../../../src/api/types/meta-v1.ts';
import { claimOwners, isLeaving } from '../../../src/controllers/statefulset/claim-owners.ts';

const pod = { metadata: { name: 'db-2', uid: 'pod' } };
const set = (whenDeleted: string, whenScaled: string, replicas: number): Stored<StatefulSet> => ({
  metadata: { name: 'db', uid: 'set' },
  spec: { replicas, selector: {}, template: {}, serviceName: 'db', persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } },
});
const owner = (kind: string, name: string, uid: string, controller = true): OwnerReference => ({
  apiVersion: { StatefulSet: 'apps/v1' }[kind] ?? 'v1',
  kind,
  name,
  uid,
  ...(controller ? { controller, blockOwnerDeletion: true } : {}),
});
const BY_SET = owner('StatefulSet', 'db', 'set');
const BY_POD = owner('Pod', 'db-2', 'pod');
const FOREIGN = owner('ConfigMap', 'db', 'other');
const FRIEND = owner('ConfigMap', 'db', 'other', false);
const claim = (ownerReferences: OwnerReference[], deletionTimestamp?: string) => ({
  metadata: { ownerReferences, deletionTimestamp },
  spec: {},
});

describe('owners of the claim of db-2, by policy (when deleted, when scaled), size of the set, and owners that it has', () => {
  const rows: [string, [string, string, number], OwnerReference[], OwnerReference[] | undefined][] = [
    ['kept: nobody owns it', ['Retain', 'Retain', 3], [], undefined],
    ['kept from now on: owners of before are taken off', ['Retain', 'Retain', 3], [BY_SET], []],
    ['goes with the set', ['Delete', 'Retain', 3], [], [BY_SET]],
    ['goes with the set: as it is', ['Delete', 'Retain', 1], [BY_SET], undefined],
    ['an owner that does not control is made to', ['Delete', 'Retain', 3], [owner('StatefulSet', 'db', 'set', false)], [BY_SET]],
    ['goes when scaled: the pod stays, so does the claim', ['Retain', 'Delete', 3], [], undefined],
    ['goes when scaled: with the pod that goes', ['Retain', 'Delete', 2], [], [BY_POD]],
    ['scaled up again before it was gone', ['Retain', 'Delete', 3], [BY_POD], []],
    ['goes with either: set while it stays', ['Delete', 'Delete', 3], [BY_POD], [BY_SET]],
    ['goes with either: pod while it goes', ['Delete', 'Delete', 2], [BY_SET], [BY_POD]],
    ['owners that do not control stay', ['Delete', 'Retain', 3], [FRIEND], [FRIEND, BY_SET]],
    ['another controls it: hands off', ['Delete', 'Delete', 2], [FOREIGN], undefined],
    ['another controls it: ours go', ['Delete', 'Retain', 3], [FOREIGN, BY_SET], [FOREIGN]],
    ['it belongs to a set of the same name that is gone', ['Delete', 'Retain', 3], [owner('StatefulSet', 'db', 'old')], undefined],
    ['it belongs to a pod of the same name that is gone', ['Retain', 'Delete', 2], [owner('Pod', 'db-2', 'old')], undefined],
    ['a custom kind of the same name is another', ['Retain', 'Retain', 3], [{ ...BY_SET, apiVersion: 'example.com/v1' }], undefined],
  ];
  for (const [name, [whenDeleted, whenScaled, replicas], has, wanted] of rows)
    test(name, () =>
      assert.deepEqual(claimOwners({ set: set(whenDeleted, whenScaled, replicas), ordinal: 2, pod, claim: claim(has) }), wanted),
    );
});

test('a pod waits for claims that are going, or that go with the pod before it', () => {
  const fresh = { metadata: { name: 'db-2' } };
  const leaves = (whenScaled: string, about: ReturnType<typeof claim>): boolean =>
    isLeaving({ set: set('Retain', whenScaled, 3), ordinal: 2, pod: fresh, claim: about });
  assert.equal(leaves('Retain', claim([], '2026-01-01T00:00:00Z')), true);
  assert.equal(leaves('Delete', claim([BY_POD])), true);
  assert.equal(leaves('Retain', claim([BY_POD])), false);
  assert.equal(leaves('Delete', claim([BY_SET])), false);
});
