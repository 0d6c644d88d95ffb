/** `slipway node replace --host`: another host becomes the node, while the old one still answers, and when it is lost. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deploymentManifest, podsOf, untilReady } from '../support/demo-cluster.ts';
import { type SshMachines, startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
let machines: SshMachines;
const succeed = async (...args: string[]): Promise<{ stdout: string; stderr: string }> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
  return result;
};
const target = (index: number): string => machines.targets[index] ?? '';
/** As the API has it, of a node that is ready. */
const addressOfSecond = async (): Promise<string | undefined> => {
  const path = '{.status.conditions[?(@.type=="Ready")].status} {.status.addresses[?(@.type=="InternalIP")].address}';
  const { stdout } = await succeed('get', 'node', 'lab-2', '-o', `jsonpath=${path}`);
  return /^True (\S+)/.exec(stdout)?.[1];
};
/** What is there of a node. */
const onHost = async (index: number): Promise<string> =>
  (
    await machines.hosts[index]?.run(
      [
        'sh',
        '-c',
        'find /etc/slipway /usr/local/lib/slipway /var/lib/kubelet ! -type d | grep -v services/sshd/; ps -e -o args= | grep -E "^(containerd|/usr/local/lib/slipway)"',
      ],
      { check: false },
    )
  )?.stdout ?? '';
const nodesOfPods = async (): Promise<string[]> =>
  [...(await podsOf(suite, 'app=web')).values()].filter(({ ready }) => ready).map(({ node }) => node);

before(async () => {
  machines = await startSshMachines(join(suite.root, 'sshd'), 3);
  await succeed('up', 'lab', '--host', target(0), '--host', target(1), '-i', machines.identityFile);
  writeFileSync(join(suite.root, 'web.yaml'), deploymentManifest('web', { replicas: 4 }));
  await succeed('apply', '-f', join(suite.root, 'web.yaml'));
  await untilReady(suite, 'app=web', 4);
});
after(async () => {
  await suite.slipway(['down', 'lab', '--force', '--driver', 'ssh']);
  await machines.close();
});

test('the host of another node is refused, and nothing is drained', async () => {
  const refused = await suite.slipway(['node', 'replace', 'lab-2', '--host', `${target(0)}:22`]);
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /lab-1 is this host already/);
  assert.ok((await nodesOfPods()).includes('lab-2'), 'pods still run on the old host');
});

test('a host that lacks a package is refused before anything is drained, and nothing is installed unasked', async () => {
  const shell = (command: string): Promise<unknown> => machines.hosts[2]?.run(['sh', '-c', command]) ?? Promise.resolve();
  await shell('mount --bind /dev/null /usr/sbin/conntrack');
  try {
    const refused = await suite.slipway(['node', 'replace', 'lab-2', '--host', target(2)]);
    assert.equal(refused.code, 1, refused.stderr);
    assert.match(refused.stderr, /PACKAGES_MISSING[\s\S]*it lacks conntrack/);
    assert.ok(refused.stderr.includes(`slipway node replace lab-2 --cluster lab --host ${target(2)} --yes`), refused.stderr);
    assert.ok((await nodesOfPods()).includes('lab-2'), 'pods still run on the old host');
    assert.equal(await onHost(2), '', 'nothing is laid on the new one');
    assert.equal(await addressOfSecond(), target(1).replace('root@', ''));
  } finally {
    await shell('umount /usr/sbin/conntrack');
  }
});

test('the old host is drained and given back, and the new one is the node', async () => {
  await succeed('node', 'replace', 'lab-2', '--host', target(2));
  assert.equal(await addressOfSecond(), target(2).replace('root@', ''));
  assert.equal(await onHost(1), '', 'nothing stays on the old host');
  await untilReady(suite, 'app=web', 4);
  await succeed('rollout', 'restart', 'deployment', 'web');
  await succeed('rollout', 'status', 'deployment', 'web');
  await untilReady(suite, 'app=web', 4);
  assert.ok((await nodesOfPods()).includes('lab-2'), 'pods run on the new host');
});

/** Containers that run on a host, those of Kubernetes. */
const containersOn = async (index: number): Promise<string[]> =>
  (
    await machines.hosts[index]?.run(['sh', '-c', 'ctr -a /run/slipway/containerd/containerd.sock -n k8s.io tasks ls -q'], { check: false })
  )?.stdout
    .split('\n')
    .filter(Boolean) ?? [];
const isSecond = async (index: number): Promise<void> => assert.equal(await addressOfSecond(), target(index).replace('root@', ''));

test('a host that is lost is replaced with --force, and says so; when it comes back it gives way, and reset takes Slipway off it', async () => {
  await machines.powerOff(2);
  const { stderr } = await succeed('node', 'replace', 'lab-2', '--host', target(1), '--force');
  assert.match(stderr, /Slipway stays on lab-2: [\s\S]*slipway node reset/);
  await isSecond(1);
  await untilReady(suite, 'app=web', 4);
  await machines.powerOn(2);
  await givesWay(2);
  await isSecond(1);
  await succeed('node', 'reset', target(2), '-i', machines.identityFile, '--force');
  assert.equal(await onHost(2), '');
});

test('a host that was only cut off, with pods that run, gives way as well', async () => {
  const nft = async (command: string): Promise<void> => void (await machines.hosts[1]?.run(['nft', command]));
  await succeed('rollout', 'restart', 'deployment', 'web');
  await untilReady(suite, 'app=web', 4);
  assert.ok((await containersOn(1)).length > 0);
  const drop = (hook: string, link: string): string => `chain ${hook} { type filter hook ${hook} priority -300; ${link} eth0 drop; };`;
  await nft(`add table inet cut { ${drop('input', 'iifname')} ${drop('output', 'oifname')} ${drop('forward', 'oifname')} }`);
  await succeed('node', 'replace', 'lab-2', '--host', target(2), '--force');
  await untilReady(suite, 'app=web', 4);
  assert.ok((await containersOn(1)).length > 0, 'what is cut off runs on');
  await nft('delete table inet cut');
  await givesWay(1);
  await isSecond(2);
  await succeed('node', 'reset', target(1), '-i', machines.identityFile, '--force');
});

/** Its agent has learnt of the other, nothing of the cluster runs on it, and it stays so. */
const givesWay = async (index: number): Promise<void> => {
  const log = async () =>
    (await machines.hosts[index]?.run(['sh', '-c', 'cat /var/log/slipway/slipway-agent/current'], { check: false }))?.stdout ?? '';
  await until(async () => (await log()).includes('another machine is this node now'), {
    withinMs: 60_000,
    what: 'the agent has given way',
  });
  await until(async () => (await containersOn(index)).length === 0, { withinMs: 30_000, what: 'its pods are gone' });
};

test('up afterwards changes nothing, and down leaves nothing on any host', async () => {
  assert.match((await succeed('up', 'lab')).stdout, /Cluster lab is unchanged/);
  await succeed('down', 'lab');
  for (const index of [0, 1, 2]) assert.equal(await onHost(index), '', `left on host ${index + 1}`);
});
