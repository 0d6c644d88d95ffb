import assert from 'node:assert/strict';
import { test } from 'node:test';
import { humanDuration } from '../../../src/api/meta/columns.ts';
import { deepEqual, semanticEqual } from '../../../src/api/meta/equality.ts';
import { generatedName } from '../../../src/api/meta/names.ts';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  quantityMilliValue,
  quantityValue,
  subtractQuantities,
  tryQuantity,
} from '../../../src/api/meta/quantity.ts';
import { formatSelector, parseFieldSelector, parseLabelSelector, selectorFromObject } from '../../../src/api/meta/selector.ts';
import { StatusError } from '../../../src/api/meta/status.ts';
import { parseYaml, stringifyYaml } from '../../../src/api/meta/yaml.ts';

const CANONICAL: [given: string | number, wanted: string][] = [
  ['1000m', '1'],
  ['0.5', '500m'],
  ['1.5', '1500m'],
  ['1024Ki', '1Mi'],
  ['1.5Gi', '1536Mi'],
  ['0.5Mi', '512Ki'],
  ['1000Ki', '1000Ki'],
  ['1e3', '1e3'],
  ['1500e3', '1500e3'],
  ['12000', '12k'],
  ['0.1Ki', '102400m'],
  ['-5', '-5'],
  ['0', '0'],
  ['0Gi', '0'],
  ['1n', '1n'],
  ['0.1n', '1n'],
  [2, '2'],
  ['123456789', '123456789'],
  ['1Ei', '1Ei'],
  ['100Ei', '9223372036854775807'],
];

for (const [given, wanted] of CANONICAL)
  test(`the quantity ${given} is written ${wanted}`, () => assert.equal(canonicalQuantity(given), wanted));

test('what is no quantity is not one', () => {
  for (const text of ['', 'abc', '1.2.3', '1 Gi', '1gi', '.', '+', '1ki']) assert.equal(tryQuantity(text), undefined, text);
});

test('quantities are added, subtracted and compared exactly', () => {
  assert.equal(addQuantities('100m', '0.9'), '1');
  assert.equal(addQuantities('0', '1Gi'), '1Gi');
  assert.equal(subtractQuantities('1Gi', '1Mi'), '1023Mi');
  assert.equal(compareQuantities('1Gi', '1G'), 1);
  assert.equal(compareQuantities('1000m', 1), 0);
  assert.equal(quantityValue('1500m'), 2);
  assert.equal(quantityMilliValue('1.5'), 1500);
});

test("label selectors select as upstream's", () => {
  const selects = (text: string, labels: Record<string, string>): boolean => parseLabelSelector(text).matches(labels);
  assert.ok(selects('a=b,c!=d', { a: 'b' }));
  assert.ok(!selects('a=b,c!=d', { a: 'b', c: 'd' }));
  assert.ok(selects('a in (x, y),!z', { a: 'y' }));
  assert.ok(!selects('a notin (x,y)', { a: 'x' }));
  assert.ok(selects('a notin (x,y)', {}));
  assert.ok(selects('n>5', { n: '6' }) && !selects('n<5', { n: '6' }));
  assert.ok(selects('', {}) && selects('a', { a: '' }) && selects('a=', { a: '' }));
  assert.ok(!selectorFromObject(undefined).matches({}));
  assert.ok(selectorFromObject({}).matches({}));
  assert.equal(
    formatSelector(selectorFromObject({ matchLabels: { b: '1' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['y', 'x'] }] })),
    'a in (x,y),b=1',
  );
});

/** Recorded from kube-apiserver 1.36.3. */
const BAD_SELECTORS: [text: string, message: string][] = [
  ['a in', "unable to parse requirement: found '' expected: '('"],
  ['a=b c', "found 'c', expected: ',' or 'end of string'"],
  ['=x', "found '=', expected: !, identifier, or 'end of string'"],
  ['a,,b', "found ',', expected: identifier after ','"],
  ['a!', "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"],
  ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
  ['a>x', "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"],
  ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
];

for (const [text, message] of BAD_SELECTORS)
  test(`the label selector ${JSON.stringify(text)} is refused in upstream's words`, () => {
    assert.throws(
      () => parseLabelSelector(text),
      (error) => error instanceof StatusError && error.code === 400 && error.message === message,
    );
  });

test('field selectors are split, with escapes', () => {
  assert.deepEqual(parseFieldSelector('metadata.name=a,spec.nodeName!=b,status.phase==Running,x=a\\,b'), [
    { name: 'metadata.name', operator: '=', value: 'a' },
    { name: 'spec.nodeName', operator: '!=', value: 'b' },
    { name: 'status.phase', operator: '=', value: 'Running' },
    { name: 'x', operator: '=', value: 'a,b' },
  ]);
  assert.throws(() => parseFieldSelector('a'), /invalid selector: 'a'; can't understand 'a'/);
});

test('YAML is read as Go reads it', () => {
  const text =
    'a: yes\nb: 0777\nc: 12:30\nd: 1_000\ne: 0o17\nf: "yes"\ng: 2024-01-01\nh: &x {q: 1}\ni: *x\nj: {<<: *x, z: 2}\nk: 1e3\nl: .5\nm: ~\n1: n\ny: no\n---\n---\n{"kind": "x"}\n';
  assert.deepEqual(parseYaml(text), [
    {
      a: true,
      b: 511,
      c: '12:30',
      d: 1000,
      e: 15,
      f: 'yes',
      g: '2024-01-01',
      h: { q: 1 },
      i: { q: 1 },
      j: { z: 2, q: 1 },
      k: 1000,
      l: 0.5,
      m: null,
      '1': false,
      true: false,
    },
    { kind: 'x' },
  ]);
  assert.throws(() => parseYaml('a: [1'));
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...[...'bcdefghi'].map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`),
  ].join('\n');
  assert.throws(() => parseYaml(bomb), /excessive aliasing/);
});

test('YAML is written so that Go reads the same', () => {
  const value = {
    b: ['yes', '1', null, { z: 1, a: '12:30' }],
    a: 'two\nlines\n',
    c: '',
    d: {},
    e: [],
    g: '1e3',
    y: '0777',
    h: 'a: b',
    i: '- x',
    n: 1.5,
    t: true,
  };
  assert.deepEqual(parseYaml(stringifyYaml(value)), [value]);
  assert.equal(stringifyYaml({ b: 1, a: ['x'] }), 'a:\n- x\nb: 1\n');
});

test('ages are printed with two units at most', () => {
  const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000];
  const wanted: [number, string][] = [
    [45 * second, '45s'],
    [119 * second, '119s'],
    [2 * minute + 30 * second, '2m30s'],
    [15 * minute, '15m'],
    [3 * hour + 5 * minute, '3h5m'],
    [12 * hour, '12h'],
    [3 * day + 4 * hour, '3d4h'],
    [400 * day, '400d'],
    [800 * day, '2y70d'],
  ];
  for (const [duration, text] of wanted) assert.equal(humanDuration(duration), text);
});

test('equality knows what counts', () => {
  assert.ok(deepEqual({ a: 1, b: undefined }, { a: 1 }));
  assert.ok(!deepEqual({ a: 1 }, { a: 1, b: null }));
  assert.ok(semanticEqual({ a: 1, b: [] }, { a: 1, c: null }));
  assert.ok(!semanticEqual([1, 2], [2, 1]));
});

test('generated names fit and end in five letters', () => {
  assert.match(generatedName('web-', Math.random), /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.equal(generatedName('x'.repeat(100), () => 0).length, 63);
});
