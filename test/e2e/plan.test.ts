/** `plan` tells what `up` would do from the real state, on sandboxes and over SSH, and `up` then does that and no more. */
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Plan } from '../../src/provision/plan/plan.ts';
import { startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
const plan = async (...args: string[]): Promise<{ code: number | null; plan: Plan }> => {
  const result = await suite.slipway(['plan', ...args, '--detailed-exitcode', '-o', 'json']);
  assert.equal(result.stderr, '');
  return { code: result.code, plan: JSON.parse(result.stdout) };
};
const differing = ({ plan: { changes } }: { plan: Plan }): string[] =>
  changes
    .filter((change) => change.action !== 'unchanged')
    .map(({ action, kind, name, node }) => `${action} ${kind} ${name}${node ? ` on ${node}` : ''}`)
    .sort();
const succeed = async (...args: string[]): Promise<void> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
};

const machines = await startSshMachines(join(suite.root, 'sshd'), 2);
// The hosts are sandboxes too.
const hostsOnly = await suite.leftovers();
after(async () => {
  for (const name of ['planned', 'rack']) await suite.slipway(['down', name, '--force']);
  await machines.close();
});

describe('on sandboxes', () => {
  test('before up: everything is to be made, and nothing is', async () => {
    const before = await plan('planned');
    assert.equal(before.code, 2);
    assert.deepEqual(differing(before), ['create machine planned-1', 'create machine planned-2', 'create network planned']);
    assert.ok(!existsSync(join(suite.home, 'clusters')));
    const dry = await suite.slipway(['up', 'planned', '--dry-run']);
    assert.match(dry.stdout, /\+ machine planned-1 +control plane[\s\S]*Plan: 3 to make/);
    assert.deepEqual(await suite.leftovers(), hostsOnly);
  });

  test('right after up: no changes', async () => {
    await succeed('up', 'planned', '--yes', '--demo');
    assert.deepEqual(differing(await plan('planned', '--demo')), []);
    assert.equal((await plan('planned')).code, 0);
  });

  test('what was changed by hand is seen, up mends it and nothing else', async () => {
    writeFileSync(join(suite.data, 'clusters/planned/nodes/planned-2/root/etc/slipway/agent.json'), '{}');
    await succeed('label', 'node', 'planned-1', 'node-role.kubernetes.io/control-plane-');
    rmSync(join(suite.home, 'clusters/planned/pki/admin.key'));
    const found = differing(await plan('planned'));
    for (const line of ['change node planned-1', 'create client file pki/admin.key', 'change service slipway-agent on planned-2'])
      assert.ok(found.includes(line), found.join('\n'));
    await succeed('up', 'planned');
    assert.deepEqual(differing(await plan('planned')), []);
  });

  test('a node that is off is to be started, one more to be made', async () => {
    await succeed('node', 'kill', 'planned-2');
    assert.deepEqual(differing(await plan('planned', '--nodes', '3')), ['create machine planned-3', 'start machine planned-2']);
  });

  test('an error has exit code 1, also where usage has 2', async () => {
    const result = await suite.slipway(['plan', 'planned', '--nodes', '0', '--detailed-exitcode']);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /a cluster has 1 to/);
  });
});

describe('over SSH', () => {
  const args = ['rack', ...machines.targets.flatMap((host) => ['--host', host]), '-i', machines.identityFile];
  test('right after up: no changes; a file that went is seen', async () => {
    assert.deepEqual(differing(await plan(...args)), ['create machine rack-1', 'create machine rack-2']);
    await succeed('up', ...args, '--yes');
    assert.deepEqual(differing(await plan('rack')), []);
    await succeed('down', 'rack');
  });
});
