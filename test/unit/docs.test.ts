/** The documentation names files that are there: what moves takes its mentions with it. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DRIVER_NAMES } from '../../src/drivers/index.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const pages = ['README.md', 'test/support/README.md', ...globSync('docs/**/*.md', { cwd: root })].sort();
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');

test('every path of this repository that a page names is there', () => {
  const missing = pages.flatMap((page) =>
    [...textOf(page).matchAll(/`((?:src|test|templates|bin)\/[\w./-]*)`/g)]
      .map((match) => match[1] as string)
      .filter((path) => !existsSync(join(root, path)))
      .map((path) => `${page}: ${path}`),
  );
  assert.deepEqual(missing, []);
});

test('the page that follows a write names functions that are in their files', () => {
  const missing = [...textOf('docs/FOLLOW-A-WRITE.md').matchAll(/`(src\/[\w./-]+\.ts)`\s*\[([^\]]+)\]/g)].flatMap(
    ([, file = '', names = '']) =>
      names
        .split(/, /)
        .filter((name) => !readFileSync(join(root, file), 'utf8').includes(name.split('.').at(-1) as string))
        .map((name) => `${file}: ${name}`),
  );
  assert.deepEqual(missing, []);
});

test('every link to another page leads to a page', () => {
  const missing = pages.flatMap((page) =>
    [...textOf(page).matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] as string)
      .filter((link) => !/^\w+:/.test(link) && !existsSync(join(root, dirname(page), link)))
      .map((link) => `${page}: ${link}`),
  );
  assert.deepEqual(missing, []);
});

test('every number of a decision is used once', () => {
  const numbers = globSync('docs/adr/*.md', { cwd: root }).map((page) => page.slice('docs/adr/'.length, 'docs/adr/'.length + 4));
  assert.deepEqual(numbers.toSorted(), [...new Set(numbers)].toSorted());
});

test('every driver has a guide', () => {
  assert.deepEqual(
    DRIVER_NAMES.filter((name) => !existsSync(join(root, 'docs/guides', `${name}.md`))),
    [],
  );
});
