import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { commandReference } from '../../../src/cli/command-reference.ts';
import { COMMANDS } from '../../../src/commands/index.ts';

test('docs/reference/commands.md says what the commands say of themselves (npm run reference writes it)', async () => {
  const written = readFileSync(new URL('../../../docs/reference/commands.md', import.meta.url), 'utf8');
  assert.equal(written, await commandReference());
});

test('every command says what it is for, and shows how it is typed', async () => {
  const bare: string[] = [];
  for (const [id, entry] of Object.entries(COMMANDS)) {
    if (entry.hidden) continue;
    const { default: Command } = await entry.load();
    if (!Command.summary || !Command.examples.length) bare.push(id);
  }
  assert.deepEqual(bare, []);
});
