import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const src = join(import.meta.dirname, '../../../src');

test('a pattern that would try out a thousand million ways ends at once', () => {
  const program = `
    const { matchInLinearTime } = await import(${JSON.stringify(join(src, 'runtime/linear-patterns.ts'))});
    matchInLinearTime();
    const { compileCel } = await import(${JSON.stringify(join(src, 'api/cel/cel-program.ts'))});
    const self = 'a'.repeat(60) + 'b';
    for (const expression of ["self.matches('^(a+)+$')", "self.find('(a|a)*c') == ''", "self.findAll('(a*)*c').size() == 0"])
      console.log(compileCel(expression, ['self']).evaluate({ self }));`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', timeout: 20_000 });
  assert.equal(child.stdout, 'false\ntrue\ntrue\n', child.stderr);
});
