import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineKind } from '../../../src/api/define-kind.ts';
import { openApiV2Document } from '../../../src/api/openapi-v2.ts';
import { SCHEME } from '../../../src/api/scheme.ts';

type Definitions = Record<string, { type?: string; properties?: Record<string, unknown>; required?: string[] }>;

const custom = (kind: string) =>
  defineKind({ group: 'a.example.com', version: 'v1', kind, plural: `${kind.toLowerCase()}s`, namespaced: true, schema: undefined });

const definitions = (schemas: Record<string, Record<string, unknown>>): Definitions => {
  const kinds = [...SCHEME.kinds, ...Object.keys(schemas).map((name) => custom(name))];
  const named = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [`a.example.com/v1.${name}`, schema]));
  return openApiV2Document(kinds, named)['definitions'] as Definitions;
};

test('every reference names a definition', () => {
  const all = definitions({});
  const names = new Set([...JSON.stringify(all).matchAll(/"#\/definitions\/([^"]+)"/g)].map(([, name]) => name as string));
  assert.ok(names.size > 100);
  assert.deepEqual(
    [...names].filter((name) => !(name in all)),
    [],
  );
  assert.doesNotMatch(JSON.stringify(all), /components\/schemas|"oneOf"/);
});

test('what version 2 cannot say of a custom resource is left open', () => {
  const spec = {
    type: 'object',
    required: ['name', 'maybe'],
    properties: {
      name: { type: 'string', anyOf: [{ minLength: 1 }] },
      maybe: { type: 'string', nullable: true },
      free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { a: { type: 'string' } } },
    },
  };
  const all = definitions({
    Shirt: { type: 'object', properties: { spec } },
    Open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  });
  assert.deepEqual(all['com.example.a.v1.Shirt']?.properties?.['spec'], {
    type: 'object',
    required: ['name'],
    properties: { name: { type: 'string' }, maybe: {}, free: { 'x-kubernetes-preserve-unknown-fields': true } },
  });
  assert.equal(all['com.example.a.v1.Open']?.properties, undefined);
});
