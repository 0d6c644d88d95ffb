/** `npm run check`: types, lint, dead code, the structure rules, and whether all can be bundled, all of them even when one fails. */
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const CHECKS = [
  ['types', 'tsc', ['-p', '.']],
  ['lint', 'biome', ['check', '--config-path=test/lint/rules.json', '--max-diagnostics=50', 'src', 'test', 'bin']],
  ['dead code', 'knip', ['--no-progress']],
  ['structure', 'node', ['--test', 'test/tidy.test.ts']],
  ['bundles', 'node', ['bin/build.js']],
];

let failed = 0;
for (const [name, command, args] of CHECKS) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  const ok = result.status === 0;
  console.log(`${ok ? 'ok    ' : 'failed'} ${name}`);
  if (!ok) console.log(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  failed += ok ? 0 : 1;
}
process.exit(failed ? 1 : 0);
