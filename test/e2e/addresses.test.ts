/** Three hosts come back from a power failure, and then with other addresses, all of them: the cluster finds itself, and this client follows. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deploymentManifest, podsOf, untilReady } from '../support/demo-cluster.ts';
import { type SshMachines, startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const slipway = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}${result.stdout}`);
  return result.stdout;
};
const addressesOf = async (): Promise<string[]> =>
  (await slipway('get', 'nodes', '-o', 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}')).trim().split(/\s+/);
const answers = async (address: string): Promise<boolean> => {
  const port = (await slipway('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}')).trim();
  return fetch(`http://${address}:${port}/`, { signal: AbortSignal.timeout(2000) }).then(
    (response) => response.ok,
    () => false,
  );
};
let machines: SshMachines;

/** Nodes are Ready, pods are ready, the Service answers on every node, and commands reach into pods on every node. */
const works = async (withinMs: number): Promise<void> => {
  await until(async () => (await suite.slipway(['get', 'nodes'])).stdout.match(/ Ready /g)?.length === 3, {
    withinMs,
    what: 'three nodes are Ready',
  });
  await untilReady(suite, 'app=web', 3, withinMs);
  // The nodes' state of before may be all that the API knows for a moment: addresses are read again each time.
  await until(async () => (await Promise.all((await addressesOf()).map(answers))).every(Boolean), {
    withinMs,
    what: 'the Service answers on every node',
  });
  for (const [pod] of await podsOf(suite, 'app=web'))
    await until(async () => (await suite.slipway(['exec', pod, '--', 'wget', '-q', '-O-', 'http://web/'])).code === 0, {
      withinMs,
      what: `${pod} reaches the Service by its name`,
    });
};

before(async () => {
  machines = await startSshMachines(join(suite.root, 'sshd'), 3);
  await slipway('up', 'move', ...machines.targets.flatMap((target) => ['--host', target]), '-i', machines.identityFile);
  writeFileSync(join(suite.root, 'web.yaml'), deploymentManifest('web', { replicas: 3 }));
  await slipway('apply', '-f', join(suite.root, 'web.yaml'));
  await works(60_000);
});
after(async () => {
  await suite.slipway(['down', 'move', '--force', '--driver', 'ssh']);
  await machines.close();
});

test('after a power failure of all hosts everything comes back by itself', async () => {
  await machines.restart();
  await works(90_000);
});

test('so it does when every address has changed meanwhile', async () => {
  const before = await addressesOf();
  await machines.restart('10.89.77');
  const startedAt = Date.now();
  // The first command that finds nobody where the server was finds it where it is.
  await until(async () => (await suite.slipway(['get', 'nodes'])).code === 0, { withinMs: 60_000, what: 'the client has followed' });
  await works(90_000);
  console.log(`# all is well ${((Date.now() - startedAt) / 1000).toFixed(1)} s after the hosts were on`);
  const now = await addressesOf();
  assert.deepEqual(
    now.map((address) => address.replace(/\.\d+$/, '')),
    ['10.89.77', '10.89.77', '10.89.77'],
  );
  assert.notDeepEqual(now, before);
  const endpoints = await slipway('get', 'endpointslice', 'kubernetes', '-o', 'jsonpath={.endpoints[*].addresses[*]}');
  assert.equal(endpoints.trim(), now[0], 'the old address of the API server is gone');
  const status = JSON.parse(await slipway('status', 'move', '-o', 'json')) as { nodes: { address: string }[] };
  assert.deepEqual(
    status.nodes.map((node) => node.address),
    now,
  );
});

test('the hosts are reached at their new addresses, and are known by their old keys', async () => {
  assert.match(await slipway('certs', 'move'), /move-3 +agent-serving .* good/);
  const again = await suite.slipway(['up', 'move']);
  assert.equal(again.code, 0, again.stderr);
  await works(60_000);
});

test('a command that changes the cluster finds it at other addresses by itself', async () => {
  await machines.restart('10.89.78');
  const remove = async (): Promise<boolean> => (await suite.slipway(['node', 'remove', 'move-3'])).code === 0;
  await until(remove, { withinMs: 120_000, what: 'move-3 is removed' });
  const names = (await slipway('get', 'nodes', '-o', 'name')).trim().split('\n');
  assert.deepEqual(names, ['node/move-1', 'node/move-2']);
});

test('and so does the one that takes it away', async () => {
  const here = await addressesOf();
  await machines.restart('10.89.79');
  const host = here[0]?.replace(/^\d+\.\d+\.\d+/, '10.89.79');
  // A command that asked the API would find it for the next one.
  const listens = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host, port: 6443, timeout: 1000 });
      const end = (answer: boolean) => () => {
        socket.destroy();
        resolve(answer);
      };
      socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
    });
  await until(listens, { withinMs: 60_000, what: 'the API server is up at its new address' });
  await slipway('down', 'move');
});
