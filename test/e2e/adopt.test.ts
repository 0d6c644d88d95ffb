/** A cluster whose state is lost: found again by its machines and their own files, with its authority; its workloads go on. */
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Plan } from '../../src/provision/plan/plan.ts';
import { startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
const machines = await startSshMachines(join(suite.root, 'sshd'), 1);
const hostsOnly = await suite.leftovers();
after(async () => {
  for (const name of ['lost', 'rack']) await suite.slipway(['down', name, '--force']);
  await machines.close();
});
const succeed = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};
const uidOf = (what: string): Promise<string> => succeed('get', ...what.split(' '), '-o', 'jsonpath={.metadata.uid}');
const noChanges = async (...args: string[]): Promise<void> => {
  const plan = JSON.parse(await succeed('plan', ...args, '-o', 'json')) as Plan;
  assert.deepEqual(
    plan.changes.filter((change) => change.action !== 'unchanged'),
    [],
  );
};

test('on sandboxes: by name alone, also with a node that is off', async () => {
  await succeed('up', 'lost', '--yes', '--memory', '1024', '--dedicated-control-planes');
  await succeed('create', 'configmap', 'kept', '--from-literal=a=b');
  const uid = await uidOf('configmap kept');
  await succeed('node', 'kill', 'lost-2');
  rmSync(join(suite.home, 'clusters'), { recursive: true });
  rmSync(suite.kubeconfig);
  const refused = await suite.slipway(['up', 'lost']);
  assert.match(refused.stderr, /CLUSTER_EXISTS[\s\S]*slipway adopt lost/);
  assert.match(await succeed('adopt', 'lost'), /known here again: lost-1 .*lost-2 /);
  assert.equal(await uidOf('configmap kept'), uid);
  await noChanges('lost');
  await noChanges('lost', '--memory', '1024', '--dedicated-control-planes');
  const again = await suite.slipway(['adopt', 'lost']);
  assert.match(again.stderr, /CLUSTER_EXISTS[\s\S]*nothing of it is lost/);
});

test('a state that cannot be read is read from the machines again', async () => {
  writeFileSync(join(suite.home, 'clusters/lost/state.json'), '{');
  assert.match((await suite.slipway(['status', 'lost'])).stderr, /STATE_CORRUPT[\s\S]*slipway adopt lost/);
  await succeed('adopt', 'lost');
});

test('down without a state goes by the journal, and forgets no machine that it does not find', async () => {
  rmSync(join(suite.home, 'clusters/lost/state.json'));
  const elsewhere = await suite.slipway(['down', 'lost'], { env: { SLIPWAY_DATA: join(suite.root, 'elsewhere') } });
  assert.equal(elsewhere.code, 1);
  assert.match(elsewhere.stderr, /NODE_UNKNOWN[\s\S]*lost-1 \(local\), lost-2 \(local\), which are not to be found from here/);
  assert.match(await succeed('down', 'lost'), /lost-1, lost-2/);
  assert.deepEqual(await suite.leftovers(), hostsOnly);
});

test('over SSH: by its hosts; one that is none is told', async () => {
  const hosts = ['--host', machines.targets[0] ?? '', '-i', machines.identityFile];
  const none = await suite.slipway(['adopt', 'rack', ...hosts]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /NODE_UNKNOWN[\s\S]*nothing of Slipway is installed on it/);
  assert.ok(!existsSync(join(suite.home, 'clusters/rack')), 'nothing of the search stays');
  await succeed('up', 'rack', ...hosts, '--yes');
  const uid = await uidOf('namespace default');
  rmSync(join(suite.home, 'clusters'), { recursive: true });
  await succeed('adopt', 'rack', ...hosts);
  assert.equal(await uidOf('namespace default'), uid);
  await noChanges('rack');
  await succeed('down', 'rack');
});

test('nothing of that name is found', async () => {
  const result = await suite.slipway(['adopt', 'nobody']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /CLUSTER_UNKNOWN[\s\S]*finds no machine of that name/);
});
