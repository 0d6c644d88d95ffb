import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StructuralSchema } from '../../../src/apiserver/custom/structural-schema.ts';
import { brokenRules } from '../../../src/apiserver/custom/validation-rules.ts';

const schema: StructuralSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      'x-kubernetes-validations': [
        { rule: 'self.min <= self.replicas', messageExpression: "'at least ' + string(self.min)" },
        { rule: 'self.__namespace__ != "kube-system"', message: 'not there', reason: 'FieldValueForbidden', fieldPath: '.namespace' },
        { rule: 'self.ratio < 2' },
      ],
      properties: {
        min: { type: 'integer' },
        replicas: { type: 'integer' },
        ratio: { type: 'number' },
        namespace: { type: 'string' },
        name: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'stays as it is' }] },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            properties: { name: { type: 'string' }, port: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self >= oldSelf' }] } },
          },
        },
      },
    },
  },
};
const spec = {
  min: 1,
  replicas: 2,
  ratio: 1,
  namespace: 'a',
  name: 'x',
  ports: [
    { name: 'a', port: 2 },
    { name: 'b', port: 3 },
  ],
};
const broken = (change: object, old?: object): string[] =>
  brokenRules({ spec: { ...spec, ...change } }, old && { spec: { ...spec, ...old } }, schema).map(
    ({ field, message }) => `${field}: ${message}`,
  );

test('what keeps all rules is valid', () => assert.deepEqual(broken({}, {}), []));
test('a broken rule says its message, computed where it can be', () =>
  assert.deepEqual(broken({ replicas: 0 }), ['spec: Invalid value: "object": at least 1']));
test('a rule without a message is named itself', () =>
  assert.deepEqual(broken({ ratio: 2 }), ['spec: Invalid value: "object": failed rule: self.ratio < 2']));
test('reasons and field paths are those of the rule', () =>
  assert.deepEqual(broken({ namespace: 'kube-system' }), ['spec.namespace: Forbidden: not there']));
test('rules about a change need an old value', () => {
  assert.deepEqual(broken({ name: 'y' }), []);
  assert.deepEqual(broken({ name: 'y' }, {}), ['spec.name: Invalid value: "string": stays as it is']);
});
test('items of a map are compared with those of the same key', () =>
  assert.deepEqual(
    broken(
      {
        ports: [
          { name: 'b', port: 1 },
          { name: 'c', port: 0 },
        ],
      },
      {},
    ),
    ['spec.ports[0].port: Invalid value: "integer": failed rule: self >= oldSelf'],
  ));
