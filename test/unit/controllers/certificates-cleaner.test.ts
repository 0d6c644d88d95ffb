import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Stored } from '../../../src/api/meta/object.ts';
import type { CertificateSigningRequest } from '../../../src/api/types/certificates-v1.ts';
import { certificatesCleanerController } from '../../../src/controllers/certificatescleaner/certificatescleaner-controller.ts';
import { dueTimeOf } from '../../../src/controllers/certificatescleaner/certificatescleaner-decide.ts';
import type { ControllerContext } from '../../../src/controllers/controller.ts';
import { createAuthority, issueCertificate } from '../../../src/pki/certificates.ts';

const NOW = Date.parse('2026-05-01T12:00:00Z');
const HOUR = 3_600_000;
const MINUTE = 60_000;
const ago = (ms: number): string => new Date(NOW - ms).toISOString();
const authority = await createAuthority({
  commonName: 'ca',
  years: 20,
  now: new Date(NOW),
});
/** As it stands in the status: the PEM in base64. */
const certificateFor = async (hours: number): Promise<string> => {
  const issued = await issueCertificate(authority, {
    commonName: 'x',
    usages: ['client'],
    days: hours / 24,
    now: new Date(NOW),
  });
  return Buffer.from(issued.certPem).toString('base64');
};
const day = await certificateFor(24);
const tenMinutes = await certificateFor(1 / 6);

const request = (created: number, conditions: [type: string, at: number][], certificate?: string): Stored<CertificateSigningRequest> => ({
  metadata: {
    name: 'one',
    uid: 'u',
    resourceVersion: '7',
    creationTimestamp: ago(created),
  },
  spec: {
    request: '',
    signerName: 'kubernetes.io/kube-apiserver-client',
    usages: ['client auth'],
  },
  status: {
    ...(certificate === undefined ? {} : { certificate }),
    ...(conditions.length
      ? {
          conditions: conditions.map(([type, at]) => ({
            type,
            status: 'True',
            lastUpdateTime: ago(at),
          })),
        }
      : {}),
  },
});

describe('when a certificate request goes', () => {
  const rows: [name: string, request: Stored<CertificateSigningRequest>, dueInMs: number | undefined][] = [
    ['nobody has answered it: a day after it was made', request(23 * HOUR, []), HOUR],
    ['issued: an hour after its approval, however old it is', request(30 * HOUR, [['Approved', 10 * MINUTE]], day), 50 * MINUTE],
    ['issued, and its certificate ends earlier: with that', request(MINUTE, [['Approved', MINUTE]], tenMinutes), 10 * MINUTE],
    ['issued, and the certificate is none that can be read: an hour', request(MINUTE, [['Approved', MINUTE]], 'eA=='), 59 * MINUTE],
    ['approved, and not issued yet: never', request(90 * HOUR, [['Approved', 90 * HOUR]]), undefined],
    ['denied: an hour after that', request(9 * HOUR, [['Denied', 2 * HOUR]]), -HOUR],
    [
      'approved, and its signer has failed: an hour after that',
      request(9 * HOUR, [
        ['Approved', 9 * HOUR],
        ['Failed', 30 * MINUTE],
      ]),
      30 * MINUTE,
    ],
  ];
  for (const [name, about, dueInMs] of rows)
    test(name, () => {
      const due = dueTimeOf(about);
      assert.equal(due === undefined ? undefined : due - NOW, dueInMs);
    });
});

describe('the cleaner', () => {
  const synced = async (about: Stored<CertificateSigningRequest> | undefined) => {
    const deleted: unknown[] = [];
    const context = {
      client: {
        delete: async (_: unknown, target: unknown, options: unknown) => void deleted.push([target, options]),
      },
      informers: { of: () => ({ get: () => about }) },
      now: () => NOW,
    } as unknown as ControllerContext;
    return {
      result: await certificatesCleanerController.build(context).sync('one'),
      deleted,
    };
  };
  test('deletes what is due, as it was seen', async () =>
    assert.deepEqual((await synced(request(25 * HOUR, []))).deleted, [
      [{ name: 'one' }, { preconditions: { uid: 'u', resourceVersion: '7' } }],
    ]));
  test('comes again when it is, or after an hour', async () => {
    assert.deepEqual(await synced(request(HOUR, [['Denied', 50 * MINUTE]])), {
      result: { requeueAfterMs: 10 * MINUTE },
      deleted: [],
    });
    assert.deepEqual(await synced(request(0, [])), {
      result: { requeueAfterMs: HOUR },
      deleted: [],
    });
  });
  test('leaves alone what is never due, and what is gone', async () => {
    assert.deepEqual(await synced(request(90 * HOUR, [['Approved', 90 * HOUR]])), { result: undefined, deleted: [] });
    assert.deepEqual(await synced(undefined), {
      result: undefined,
      deleted: [],
    });
  });
});
