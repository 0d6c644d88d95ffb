/** A short form of the drill in test/drills (`npm run test:kill`): up and down killed with SIGKILL, sometimes an up that finishes it, then one down. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killDrill } from '../drills/kill-drill.ts';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);

test('after six kills of up and down, up goes on, and one down leaves nothing', async (context) => {
  const result = await killDrill({
    suite,
    kills: 6,
    seed: 7,
    upArgs: ['--nodes', '1'],
    longest: { upMs: 3000, downMs: 1000 },
    goOn: 0.6,
    log: (line) => context.diagnostic(line),
  });
  assert.equal(result.kills, 6);
  assert.ok(result.finished > 0);
});
