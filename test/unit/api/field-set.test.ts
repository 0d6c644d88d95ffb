import assert from 'node:assert/strict';
import { test } from 'node:test';
import { difference, type FieldSet, ordered, union } from '../../../src/api/patch/field-set.ts';

const unordered: FieldSet = {
  'f:spec': { 'f:ports': { 'k:{"name":"b"}': { 'f:port': {}, '.': {} }, 'k:{"name":"a"}': { '.': {}, 'f:name': {} } }, 'f:args': {} },
  'f:metadata': {},
};

test('a set is written in one order, however it came about', () => {
  const text = JSON.stringify(ordered(unordered));
  assert.equal(
    text,
    '{"f:metadata":{},"f:spec":{"f:args":{},"f:ports":{"k:{\\"name\\":\\"a\\"}":{".":{},"f:name":{}},"k:{\\"name\\":\\"b\\"}":{".":{},"f:port":{}}}}}',
  );
  assert.equal(JSON.stringify(ordered(union({ 'f:metadata': {} }, unordered) as FieldSet)), text);
  assert.equal(JSON.stringify(ordered(difference({ ...unordered, 'f:status': {} }, { 'f:status': {} }) as FieldSet)), text);
});

test('a set in order is itself', () => {
  const set = ordered(unordered);
  assert.equal(ordered(set), set);
  const other: FieldSet = { 'f:a': {}, 'f:b': { '.': {}, 'f:c': {} } };
  assert.equal(ordered(other), other);
});
