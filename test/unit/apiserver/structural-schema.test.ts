import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readJsonPath } from '../../../src/apiserver/custom/json-path.ts';
import { pruneUnknown, type StructuralSchema, schemaErrors, setSchemaDefaults } from '../../../src/apiserver/custom/structural-schema.ts';

const CASES: [schema: StructuralSchema, value: unknown, message: string | undefined][] = [
  [{ type: 'string' }, 1, 'Invalid value: "integer": x in body must be of type string: "integer"'],
  [{ type: 'number' }, 1, undefined],
  [{ type: 'string', nullable: true }, null, undefined],
  [{ 'x-kubernetes-int-or-string': true }, '1', undefined],
  [{ type: 'integer', minimum: 2 }, 1, 'Invalid value: 1: x in body should be greater than or equal to 2'],
  [{ type: 'string', minLength: 2 }, 'a', 'Invalid value: "a": x in body should be at least 2 chars long'],
  [{ type: 'string', pattern: '(a+)+$' }, `${'a'.repeat(20)}b`, `Invalid value: "${'a'.repeat(20)}b": x in body should match '(a+)+$'`],
  [{ type: 'array', maxItems: 1, items: { type: 'string' } }, ['a', 'b'], 'Too many: 2: must have at most 1 items'],
  [{ type: 'object', required: ['a'] }, {}, 'Required value'],
  [{ type: 'object', additionalProperties: { type: 'string' } }, { a: 'b' }, undefined],
];
for (const [schema, value, message] of CASES)
  test(`${JSON.stringify(value)} against ${JSON.stringify(schema)}`, () =>
    assert.equal(schemaErrors(value, schema, 'x')[0]?.message, message));

test('defaults reach into lists, and are copies', () => {
  const schema: StructuralSchema = {
    type: 'object',
    properties: { list: { type: 'array', items: { type: 'object', properties: { a: { type: 'object', default: { b: 1 } } } } } },
  };
  const value: any = { list: [{}, {}] };
  setSchemaDefaults(value, schema);
  assert.deepEqual(value, { list: [{ a: { b: 1 } }, { a: { b: 1 } }] });
  const [first, second] = value.list as { a: object }[];
  assert.notEqual(first?.a, second?.a);
});

test('pruning keeps what is told to be kept', () => {
  const value: any = { kind: 'X', metadata: {}, spec: { a: 1, z: 1 }, free: { any: { thing: 1 } }, gone: 1 };
  const removed = pruneUnknown(
    value,
    {
      type: 'object',
      properties: { spec: { type: 'object', properties: { a: {} } }, free: { 'x-kubernetes-preserve-unknown-fields': true } },
    },
    '',
    true,
  );
  assert.deepEqual(removed, ['spec.z', 'gone']);
  assert.deepEqual(value, { kind: 'X', metadata: {}, spec: { a: 1 }, free: { any: { thing: 1 } } } as unknown);
});

test('JSON paths: fields, indexes, filters, escaped dots', () => {
  const object = {
    spec: { list: [{ a: 1 }] },
    status: {
      conditions: [
        { type: 'A', status: 'x' },
        { type: 'Ready', status: 'True' },
      ],
    },
    metadata: { annotations: { 'a.b': 'c' } },
  };
  assert.equal(readJsonPath(object, '.spec.list[0].a'), 1);
  assert.equal(readJsonPath(object, '.status.conditions[?(@.type=="Ready")].status'), 'True');
  assert.equal(readJsonPath(object, '.metadata.annotations.a\\.b'), 'c');
  assert.equal(readJsonPath(object, '.none.of.this'), undefined);
});
