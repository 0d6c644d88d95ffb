/** Cluster files in the documentation are right. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readClusterFile } from '../../../../src/provision/file/read-cluster-file.ts';

const docs = fileURLToPath(new URL('../../../../docs/', import.meta.url));

test('every cluster file in the documentation can be used', () => {
  const found = globSync('**/*.md', { cwd: docs }).flatMap((page) =>
    [...readFileSync(`${docs}${page}`, 'utf8').matchAll(/```yaml\n([\s\S]*?)```/g)]
      .map((match) => match[1] ?? '')
      .filter((text) => text.includes('apiVersion: slipway/'))
      .map((text) => ({ page, text })),
  );
  assert.ok(found.length >= 5);
  for (const { page, text } of found) readClusterFile(text, page);
});
