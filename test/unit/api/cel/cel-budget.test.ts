import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileCel } from '../../../../src/api/cel/cel-program.ts';
import { toCel } from '../../../../src/api/cel/cel-values.ts';

const self = toCel(Array.from({ length: 1000 }, (_, at) => at));
const run = (expression: string): unknown => compileCel(expression, ['self']).evaluate({ self });

test('loops within the budget come to their value', () => {
  assert.equal(run('self.all(a, a >= 0)'), true);
  assert.equal(run('self.exists(a, a == 999)'), true);
  assert.equal(run('self.filter(a, a % 2 == 0).map(a, a * 2).size()'), 500n);
  assert.equal(run('self.exists_one(a, a == 3)'), true);
  assert.equal(run('self.all(a, self.exists(b, b == 0))'), true);
  assert.equal(run('cel.bind(n, self.filter(a, a < 10), n.all(a, n.exists(b, a == b)))'), true);
});

test('loops beyond it end soon, however they are nested and whatever they pass over', () => {
  for (const expression of [
    'self.all(a, self.all(b, self.all(c, a + b + c >= 0)))',
    'self.exists(a, self.exists(b, self.exists(c, a + b + c < 0)))',
    'self.map(a, self.map(b, self.map(c, a))).size() > 0',
    'self.filter(a, self.filter(b, self.exists_one(c, c == b)).size() > 0).size() > 0',
    'self.all(a, self.all(b, self.all(c, a + b + c >= 0))) || true',
    'cel.bind(n, self, n.all(a, n.all(b, n.all(c, true))))',
  ]) {
    const started = performance.now();
    assert.throws(() => run(expression), /actual cost limit exceeded/, expression);
    assert.ok(performance.now() - started < 3000, expression);
  }
  // The next evaluation has a budget of its own.
  assert.equal(run('self.all(a, a >= 0)'), true);
});
