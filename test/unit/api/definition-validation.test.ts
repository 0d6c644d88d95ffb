import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { definitionErrors } from '../../../src/api/apiextensions/definition-validation.ts';
import type { CustomResourceDefinition, JSONSchemaProps } from '../../../src/api/types/apiextensions-v1.ts';

const definition = (change: (good: CustomResourceDefinition) => void = () => {}, schema: JSONSchemaProps = { type: 'object' }) => {
  const good: CustomResourceDefinition = {
    metadata: { name: 'cats.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'cats', singular: 'cat', kind: 'Cat', listKind: 'CatList', shortNames: ['ca'] },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  };
  change(good);
  return definitionErrors(good).map(({ field, message }) => `${field}: ${message}`);
};

test('a good definition has no errors', () => assert.deepEqual(definition(), []));

describe('what a definition must be', () => {
  const rows: [string, (good: CustomResourceDefinition) => void, RegExp][] = [
    ['named after its resource', (one) => (one.metadata!.name = 'cat.example.com'), /^metadata\.name: .*must be spec\.names\.plural/],
    ['in a group with a dot', (one) => (one.spec.group = 'example'), /should be a domain with at least one dot/],
    [
      'of a scope',
      (one) => (one.spec.scope = 'Global'),
      /spec\.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced"/,
    ],
    ['with a kind', (one) => (one.spec.names.kind = ''), /spec\.names\.kind: Required value/],
    ['with names of lower case', (one) => (one.spec.names.singular = 'Cat'), /spec\.names\.singular: Invalid value: "Cat"/],
    ['with a list of another name', (one) => (one.spec.names.listKind = 'Cat'), /kind and listKind may not be the same/],
    [
      'with one version that is stored',
      (one) => (one.spec.versions[0]!.storage = false),
      /must have exactly one version marked as storage version/,
    ],
    ['with a schema', (one) => delete one.spec.versions[0]!.schema, /spec\.versions\[0\]\.schema\.openAPIV3Schema: Required value/],
    [
      'with distinct versions',
      (one) => one.spec.versions.push({ ...one.spec.versions[0]!, storage: false }),
      /must contain unique version names/,
    ],
  ];
  for (const [name, change, expected] of rows) test(name, () => assert.match(definition(change).join('\n'), expected));
});

describe('what its schema must be', () => {
  const below = (of: JSONSchemaProps): JSONSchemaProps => ({ type: 'object', properties: { spec: of } });
  const rows: [string, JSONSchemaProps, RegExp | undefined][] = [
    ['an object', { type: 'array' }, /must be object at the root/],
    ['typed', below({}), /openAPIV3Schema\.properties\[spec\]\.type: Required value: must not be empty for specified object fields/],
    ['typed by a known type', below({ type: 'int' }), /Unsupported value: "int"/],
    ['or free', below({ 'x-kubernetes-preserve-unknown-fields': true }), undefined],
    ['or either', below({ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }), undefined],
    ['with rules of good grammar', below({ type: 'object', 'x-kubernetes-validations': [{ rule: 'self = 42' }] }), /rule: .*Syntax error/],
    ['whose functions need not be known here', below({ type: 'object', 'x-kubernetes-validations': [{ rule: 'f(self)' }] }), undefined],
  ];
  for (const [name, schema, expected] of rows)
    test(name, () => {
      const text = definition(undefined, schema).join('\n');
      if (expected) assert.match(text, expected);
      else assert.equal(text, '');
    });
});
