/** Two clusters on one host, made at the same time: each with its own network, kubeconfig context and demo. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
after(() => Promise.all(['east', 'west'].map((name) => suite.slipway(['down', name, '--force']))));

test('two clusters come up side by side, and taking one down leaves the other', async () => {
  const results = await Promise.all(['east', 'west'].map((name) => suite.slipway(['up', name, '--yes', '--demo', '--nodes', '1'])));
  for (const result of results) assert.equal(result.code, 0, result.stderr);
  const config = readFileSync(suite.kubeconfig, 'utf8');
  assert.match(config, /slipway-east/);
  assert.match(config, /slipway-west/);
  const down = await suite.slipway(['down', 'east']);
  assert.equal(down.code, 0, down.stderr);
  const status = await suite.slipway(['status', 'west']);
  assert.equal(status.code, 0, status.stderr);
  const left = await suite.slipway(['get', 'nodes', '-o', 'name', '--context', 'slipway-west']);
  assert.equal(left.stdout.trim(), 'node/west-1', left.stderr);
});

test('nothing is left when both are gone, also where the root of this host was bound twice', async () => {
  const [rootfs = ''] = globSync('/run/slipway-*/rootfs');
  assert.equal((await suite.run(['mount', '--bind', '/', rootfs])).code, 0);
  const down = await suite.slipway(['down', 'west']);
  assert.equal(down.code, 0, down.stderr);
  assert.deepEqual(await suite.leftovers(), []);
  assert.ok(!existsSync(rootfs));
});
