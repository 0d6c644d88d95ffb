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

test('the published schema holds patterns to whole texts, and pools to the settings of their driver', () => {
  const { $defs, properties } = JSON.parse(publishedSchema());
  assert.deepEqual(
    Object.keys($defs),
    DRIVERS.map(({ name }) => `pool-${name}`),
  );
  assert.equal($defs['pool-aws'].properties.image.pattern, '^(?:ami-[0-9a-f]+)$');
  assert.equal($defs['pool-kvm'].properties.settings.properties.user.pattern, '^(?:[a-z][a-z0-9_-]{0,30})$');
  assert.equal($defs['pool-kvm'].properties.settings.properties.bootTimeoutSeconds.minimum, 1);
  assert.deepEqual($defs['pool-local'].properties.settings.properties, {});
  const { pools } = properties.spec.properties;
  assert.deepEqual(pools.items.allOf[4].anyOf[1], { $ref: '#/$defs/pool-aws' });
  assert.deepEqual(properties.spec.allOf[4].anyOf[1].properties.pools.items.anyOf, [
    { required: ['driver'] },
    { $ref: '#/$defs/pool-aws' },
  ]);
});

test('every setting of every driver is in it', () => {
  for (const driver of DRIVERS) for (const { name } of driver.settings) assert.match(page('cluster-file.md'), new RegExp(`\\.${name}\``));
});
