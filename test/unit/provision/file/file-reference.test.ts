import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DRIVERS } from '../../../../src/drivers/index.ts';
import { publishedSchema, withKeyTable } from '../../../../src/provision/file/file-reference.ts';

const page = (name: string): string => readFileSync(new URL(`../../../../docs/reference/${name}`, import.meta.url), 'utf8');

test('docs/reference/cluster.schema.json is the schema that files are checked by (npm run reference writes it)', () => {
  assert.equal(page('cluster.schema.json'), publishedSchema());
});

test('docs/reference/cluster-file.md has every key (npm run reference writes the table)', () => {
  assert.equal(page('cluster-file.md'), withKeyTable(page('cluster-file.md')));
});

test('every setting of every driver is in it', () => {
  for (const driver of DRIVERS) for (const { name } of driver.settings) assert.match(page('cluster-file.md'), new RegExp(`\\.${name}\``));
});
