/** bin/build.js on a project of four files. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

const project = join(import.meta.dirname, '../..');
const root = mkdtempSync(join(tmpdir(), 'slipway-build-'));
after(() => rmSync(root, { recursive: true, force: true }));
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
mkdirSync(join(root, 'bin'));
copyFileSync(join(project, 'bin/build.js'), join(root, 'bin/build.js'));
symlinkSync(join(project, 'node_modules'), join(root, 'node_modules'));
writeFileSync(join(root, 'package.json'), '{"type":"module"}');
for (const entry of ['store/sqlite/sqlite-worker.ts', 'drivers/aws/aws-cloud.ts', 'cli/main.ts', 'testing/index.ts'])
  write(`src/${entry}`, 'export const one = 1;\n');

const build = (): { status: number | null; folders: string[] } => {
  const { status } = spawnSync(process.execPath, [join(root, 'bin/build.js')]);
  return { status, folders: readdirSync(root).filter((name) => name.startsWith('dist-')) };
};

test('a build that fails leaves no folder', () => {
  write('src/cli/main.ts', "import { nothing } from './nowhere.ts';\nnothing();\n");
  assert.deepEqual(build(), { status: 1, folders: [] });
});

test('a build takes away what a killed one left, and nothing of one that is at work', () => {
  write('src/cli/main.ts', 'export const one = 1;\n');
  for (const name of ['dist-AbC123', 'dist-types-AbC123', 'dist-XyZ789']) write(`${name}/slipway.js`, '');
  const longAgo = new Date(Date.now() - 2 * 3600_000);
  for (const name of ['dist-AbC123', 'dist-types-AbC123']) utimesSync(join(root, name), longAgo, longAgo);
  assert.deepEqual(build(), { status: 0, folders: ['dist-XyZ789'] });
  assert.ok(existsSync(join(root, 'dist/slipway.js')));
});
