/** One cluster whose pools are made by different drivers: a control plane on a sandbox, workers on hosts over SSH. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const machines = await startSshMachines(join(suite.root, 'sshd'), 2);
const hostsOnly = await suite.leftovers();
after(async () => {
  await suite.slipway(['down', 'mixed', '--force']);
  await machines.close();
});
const succeed = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};

const path = join(suite.root, 'mixed.yaml');
writeFileSync(
  path,
  `apiVersion: slipway/v1
kind: Cluster
metadata: {name: mixed}
spec:
  drivers:
    local: {subnet: 10.89.200.0/24}
    ssh: {identityFile: ${machines.identityFile}}
  addons: {demo: true}
  pools:
    - {name: main, count: 1}
    - {name: rack, driver: ssh, hosts: ["${machines.targets[0]}"], labels: {place: rack}}
`,
);

test('the plan names the machines of both drivers', async () => {
  const { changes } = JSON.parse(await succeed('plan', '-f', path, '-o', 'json'));
  assert.deepEqual(
    changes
      .filter((change: { kind: string }) => change.kind === 'machine')
      .map((change: { name: string; driver: string }) => [change.name, change.driver]),
    [
      ['mixed-1', 'local'],
      ['mixed-rack-1', 'ssh'],
    ],
  );
});

test('a host that does not know the way to sandboxes of this computer is refused before anything is laid down', async () => {
  const [host] = machines.hosts;
  await host?.run(['ip', 'route', 'add', 'unreachable', '10.89.200.0/24']);
  const result = await suite.slipway(['up', '-f', path, '--yes']);
  assert.equal(result.code, 1);
  assert.match(result.stderr, /PREFLIGHT_FAILED[\s\S]*mixed-1 \(10\.89\.200\.11\) does not answer it on 10250\/tcp/);
  assert.match(result.stderr, /ip route add 10\.89\.200\.0\/24 via .* # on mixed-rack-1 /);
  await host?.run(['ip', 'route', 'del', 'unreachable', '10.89.200.0/24']);
  assert.deepEqual(await suite.leftovers(), hostsOnly);
});

test('pods on nodes of both drivers answer behind one Service', async () => {
  await succeed('up', '-f', path, '--yes');
  assert.match(await succeed('get', 'node', 'mixed-rack-1', '--show-labels'), /place=rack/);
  await succeed('scale', 'deployment', 'demo', '--replicas=4');
  const rows = async (): Promise<string[]> =>
    (
      await succeed(
        'get',
        'pods',
        '-l',
        'app=demo',
        '-o',
        'jsonpath={range .items[*]}{.spec.nodeName} {.status.podIP} {.status.phase}{"\\n"}{end}',
      )
    )
      .split('\n')
      .filter((row) => row.endsWith(' Running'));
  await until(async () => (await rows()).length === 4, { withinMs: 60_000, what: 'four pods run' });
  const nodes = new Set((await rows()).map((row) => row.split(' ')[0]));
  assert.deepEqual([...nodes].sort(), ['mixed-1', 'mixed-rack-1']);
  // The Service is fetched on the node of the control plane until a pod of the other node has answered.
  const port = await succeed('get', 'service', 'demo', '-o', 'jsonpath={.spec.ports[0].nodePort}');
  const address = await succeed('get', 'node', 'mixed-1', '-o', 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}');
  const answered = new Set<string>();
  await until(
    async () => {
      const text = await fetch(`http://${address}:${port}/`, { signal: AbortSignal.timeout(5000), headers: { connection: 'close' } }).then(
        (answer) => answer.text(),
        () => '',
      );
      const pod = /pod: (\S+)/.exec(text)?.[1];
      if (pod) answered.add((await succeed('get', 'pod', pod, '-o', 'jsonpath={.spec.nodeName}')).trim());
      return answered.size === 2;
    },
    { withinMs: 60_000, what: 'pods of both nodes answer' },
  );
});

test('node add makes a node like those of its pool: a host goes to the pool of hosts', async () => {
  const refused = await suite.slipway(['node', 'add', '--cluster', 'mixed', '--pool', 'rack']);
  assert.match(refused.stderr, /USAGE[\s\S]*the pool rack of mixed[\s\S]*slipway node add --cluster mixed --pool rack --host/);
  assert.match(await succeed('node', 'add', '--cluster', 'mixed', '--host', machines.targets[1] ?? ''), /mixed-rack-2 \(/);
  assert.match(await succeed('get', 'node', 'mixed-rack-2', '--show-labels'), /place=rack/);
  await succeed('node', 'remove', 'mixed-rack-2', '--cluster', 'mixed');
});

test('no changes right after, and down leaves the hosts as they were', async () => {
  const plan = await suite.slipway(['plan', '-f', path, '--detailed-exitcode']);
  assert.equal(plan.code, 0, plan.stdout);
  await succeed('down', 'mixed');
  assert.deepEqual(await suite.leftovers(), hostsOnly);
});
