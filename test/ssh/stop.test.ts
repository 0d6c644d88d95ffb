/** `slipway stop` and `start` on hosts that are not ours: the nodes stop, with their pods, and the hosts go on. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { podsOf, untilReady } from '../support/demo-cluster.ts';
import { type SshMachines, startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
let machines: SshMachines;
const succeed = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};
/** Programs of a node and of its pods. */
const running = async (index: number): Promise<string> =>
  (
    await machines.hosts[index]?.run(
      ['sh', '-c', 'ps -e -o args= | grep -E "^(containerd --config|/usr/local/lib/slipway|busybox httpd|/pause)"'],
      { check: false },
    )
  )?.stdout ?? '';

before(async () => {
  machines = await startSshMachines(join(suite.root, 'sshd'), 2);
  const hosts = machines.targets.flatMap((target) => ['--host', target]);
  await succeed('up', 'lab', ...hosts, '-i', machines.identityFile, '--demo');
});
after(async () => {
  await suite.slipway(['down', 'lab', '--force', '--driver', 'ssh']);
  await machines.close();
});

test('stop ends agents, servers, containerd and pods, and start brings the same pods back', async () => {
  const pods = [...(await podsOf(suite, 'app=demo')).keys()].sort();
  assert.ok(pods.length >= 2);
  for (const index of [0, 1]) assert.match(await running(index), /busybox httpd/);
  assert.match(await succeed('stop', 'lab'), /Cluster lab is stopped; slipway start lab/);
  for (const index of [0, 1]) assert.equal(await running(index), '');
  await succeed('start', 'lab');
  await untilReady(suite, 'app=demo', pods.length);
  assert.deepEqual([...(await podsOf(suite, 'app=demo')).keys()].sort(), pods);
  assert.match(await succeed('up', 'lab', '--demo'), /Cluster lab is unchanged/);
});

test('one node stops and starts', async () => {
  const isReady = async (): Promise<boolean> =>
    (await succeed('get', 'node', 'lab-2', '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')).trim() === 'True';
  await succeed('node', 'stop', 'lab-2');
  assert.equal(await running(1), '');
  await until(async () => !(await isReady()), { withinMs: 60_000, what: 'lab-2 is seen to be gone' });
  await succeed('node', 'start', 'lab-2');
  await until(isReady, { withinMs: 60_000, what: 'lab-2 is back' });
  await untilReady(suite, 'app=demo', 2);
});

test('a machine that is not ours is not powered off', async () => {
  const { code, stderr } = await suite.slipway(['node', 'kill', 'lab-2']);
  assert.equal(code, 2);
  assert.match(stderr, /not a machine that Slipway made/);
});
