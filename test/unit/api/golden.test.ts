/**
 * Creates, refusals and sequences of patches, recorded from kube-apiserver 1.36.3 by dry-run requests. What admission adds there
 * (tolerations, token volumes, addresses, finalizers) was taken out of the recordings.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeObject } from '../../../src/api/decode.ts';
import type { Kind } from '../../../src/api/kind.ts';
import type { KubeObject } from '../../../src/api/meta/object.ts';
import { StatusError } from '../../../src/api/meta/status.ts';
import { serverSideApply, trackManagedFields } from '../../../src/api/patch/apply.ts';
import { applyPatch } from '../../../src/api/patch/patch.ts';
import { SCHEME } from '../../../src/api/scheme.ts';
import { prepareForCreate, prepareForStatusUpdate, prepareForUpdate, validateCreate } from '../../../src/api/strategy.ts';

const NOW = '2026-01-01T00:00:00Z';

const golden = <T>(name: string): T[] => JSON.parse(readFileSync(new URL(`golden/${name}.json`, import.meta.url), 'utf8'));

const groupAndVersion = (apiVersion: string): [string, string] =>
  apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];

const kindOf = (apiVersion: string, kind: string): Kind => SCHEME.byKind(...groupAndVersion(apiVersion), kind) as Kind;

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

for (const [index, { apiVersion, kind: name, given, stored }] of golden<{
  apiVersion: string;
  kind: string;
  given: unknown;
  stored: KubeObject;
}>('creates').entries())
  test(`create ${index}: a ${name} gets upstream's defaults and field owners`, () => {
    const kind = kindOf(apiVersion, name);
    const { object, warnings } = decodeObject(kind, given);
    if (kind.namespaced) object.metadata.namespace = 'apiroom';
    trackManagedFields(kind, { old: undefined, object, manager: 'kc', operation: 'Update', now: NOW });
    object.metadata.uid = stored.metadata.uid;
    object.metadata.creationTimestamp = stored.metadata.creationTimestamp;
    prepareForCreate(kind, object);
    assert.deepEqual(plain(object), stored);
    assert.deepEqual(warnings, []);
    if (name !== 'Pod') assert.deepEqual(validateCreate(kind, object), []);
  });

for (const [index, { apiVersion, kind: name, given, errors }] of golden<{
  apiVersion: string;
  kind: string;
  given: unknown;
  errors: string[];
}>('refusals').entries())
  test(`refusal ${index}: a bad ${name} is refused in upstream's words`, () => {
    const kind = kindOf(apiVersion, name);
    const { object } = decodeObject(kind, given);
    if (kind.namespaced) object.metadata.namespace = 'apiroom';
    prepareForCreate(kind, object);
    // Upstream's admission names the account before anything is validated.
    if (name === 'Pod') (object['spec'] as { serviceAccountName?: string }).serviceAccountName ||= 'default';
    const found = new Set(validateCreate(kind, object).map(({ field, message }) => `${field}: ${message}`));
    assert.deepEqual([...found].sort(), errors.toSorted());
  });

interface Step {
  op: 'create' | 'apply' | 'json' | 'merge' | 'smp';
  body: unknown;
  manager: string;
  subresource: string;
  force: boolean;
  status: number;
  message?: string;
  object?: KubeObject;
}

const CONTENT_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  smp: 'application/strategic-merge-patch+json',
} as const;

const perform = (kind: Kind, live: KubeObject | undefined, { op, body, manager, subresource, force }: Step): KubeObject => {
  if (op === 'apply') {
    const applied = decodeObject(kind, body, { applied: true }).object;
    return decodeObject(kind, serverSideApply(kind, live, applied, { manager, force, now: NOW, subresource })).object;
  }
  const raw = op === 'create' ? body : applyPatch(kind, live, CONTENT_TYPES[op], body);
  const { object } = decodeObject(kind, raw);
  trackManagedFields(kind, { old: live, object, manager, operation: 'Update', subresource, now: NOW });
  return object;
};

for (const { apiVersion, plural, steps } of golden<{ apiVersion: string; plural: string; steps: Step[] }>('sequences')) {
  const kind = SCHEME.byResource(...groupAndVersion(apiVersion), plural) as Kind;
  let live: KubeObject | undefined;
  for (const [index, step] of steps.entries()) {
    const before = live;
    test(`${plural}: step ${index} (${step.op} by ${step.manager}) has upstream's outcome`, () => {
      if (step.message !== undefined) {
        assert.throws(
          () => perform(kind, before, step),
          (error) => error instanceof StatusError && error.message === step.message,
        );
        return;
      }
      const next = perform(kind, before, step);
      next.metadata.namespace = 'apiroom';
      if (!before) prepareForCreate(kind, next);
      else if (step.subresource === 'status') prepareForStatusUpdate(kind, next, before);
      else prepareForUpdate(kind, next, before);
      assert.deepEqual(withoutOrder(plain(next) as KubeObject), withoutOrder(step.object as KubeObject));
    });
    if (step.object) live = step.object;
  }
}

/** Entries of one second stand in no order that means anything. */
const withoutOrder = (object: KubeObject): KubeObject => {
  const key = (entry: { manager?: string; operation?: string; subresource?: string }): string =>
    `${entry.operation} ${entry.manager} ${entry.subresource}`;
  const managedFields = object.metadata.managedFields?.map((entry) => ({ ...entry, time: NOW })).sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return { ...object, metadata: { ...object.metadata, ...(managedFields ? { managedFields } : {}) } };
};
