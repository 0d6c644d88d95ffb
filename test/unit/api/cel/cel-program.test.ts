import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADMISSION_VARIABLES, CelError, compileCel } from '../../../../src/api/cel/cel-program.ts';
import { fromCel, toCel } from '../../../../src/api/cel/cel-values.ts';
import { withoutStructLiterals } from '../../../../src/api/cel/struct-literals.ts';

const object = { metadata: { name: 'x', labels: { a: 'b' } }, spec: { replicas: 3, ratio: 0.5, memory: '1Gi', ports: [{ name: 'q' }] } };
const run = (expression: string): unknown =>
  fromCel(compileCel(expression, ADMISSION_VARIABLES).evaluate({ object: toCel(object), oldObject: null }));

const VALUES: readonly [expression: string, value: unknown][] = [
  ['object.spec.replicas % 2 == 1', true],
  ['object.spec.ratio < 1', true],
  ['oldObject == null', true],
  ['has(object.spec.nothing)', false],
  ['object.metadata.?labels.?zone.orValue("none")', 'none'],
  ['object.spec.ports.all(port, port.name == "q")', true],
  ['quantity(object.spec.memory).isGreaterThan(quantity("1000M"))', true],
  ['[1, 2, 3].sum()', 6],
  ['[3, 1].min()', 1],
  ['[1, 3, 2].isSorted()', false],
  ['"abc123".find("[0-9]+")', '123'],
  ['jsonpatch.escapeKey("a/b~c")', 'a~1b~0c'],
  ['Object{spec: Object.spec{replicas: 5, note: "Object{spec: 1}"}}', { spec: { replicas: 5, note: 'Object{spec: 1}' } }],
  ['Object{metadata: Object.metadata{annotations: {"a": "b"}}}', { metadata: { annotations: { a: 'b' } } }],
  ['[JSONPatch{op: "add", path: "/spec", value: object.spec.replicas}]', [{ op: 'add', path: '/spec', value: 3 }]],
];

for (const [expression, value] of VALUES) test(`${expression} is ${JSON.stringify(value)}`, () => assert.deepEqual(run(expression), value));

for (const expression of ['... [] bad expression', 'nobody.name == 1', '1 + "a"', 'object.'])
  test(`${expression} does not compile`, () => assert.throws(() => compileCel(expression, ADMISSION_VARIABLES), CelError));

test('an expression that must be true or false is refused when it is a text', () =>
  assert.throws(() => compileCel('"a" + "b"', ADMISSION_VARIABLES, 'bool'), /must evaluate to bool/));

test('a key that is not there has no value', () => assert.throws(() => run('object.spec.nothing == 1'), /no such key: nothing/));

test('field names that are no identifiers are written with escapes', () =>
  assert.equal(withoutStructLiterals('Object{my__dash__field: 1}'), '{"my-field": 1}'));
