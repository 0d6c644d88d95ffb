/** Control plane on a host that one has, a worker that is rented: two networks with a way between them, as a VPN makes one, over moto and sandboxes. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AwsWorld, startAwsWorld } from '../support/aws/aws-world.ts';
import { findMoto } from '../support/aws/moto.ts';
import { type SshMachines, startSshMachines } from '../support/sshd.ts';
import { type CliResult, enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const moto = findMoto();
const suite = await enterSuite(import.meta.filename);
const file = join(suite.root, 'mixed.yaml');

describe('an ssh control plane with an aws worker', { skip: 'missing' in moto ? moto.missing : false }, () => {
  let world: AwsWorld;
  let machines: SshMachines;
  let address: string;
  const writeCluster = (nodeCidrs: readonly string[]): void =>
    writeFileSync(
      file,
      `apiVersion: slipway/v1
kind: Cluster
metadata: {name: mixed}
spec:
  drivers:
    ssh: {identityFile: ${machines.identityFile}}
    aws: {region: eu-central-1, clientCidrs: [10.100.0.1/32], nodeCidrs: [${nodeCidrs.join(', ')}]}
  pools:
    - {name: main, driver: ssh, hosts: ["${machines.targets[0]}"]}
    - {name: rented, driver: aws, count: 1, labels: {place: cloud}}
`,
    );
  const succeed = async (...args: string[]): Promise<string> => {
    const result = await suite.slipway(args, { timeoutMs: 300_000 });
    assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}${world.hosts.problems.join('\n')}`);
    return result.stdout;
  };

  before(async () => {
    machines = await startSshMachines(join(suite.root, 'sshd'), 1);
    address = machines.targets[0]?.split('@')[1] ?? '';
    // The way between the networks leaves addresses as they are.
    const [, table = ''] = /table ip (\S+)/.exec((await suite.run(['nft', 'list', 'tables', 'ip'])).stdout) ?? [];
    const kept = await suite.run(['nft', 'insert', 'rule', 'ip', table, 'postrouting', 'ip', 'daddr', '10.100.0.0/16', 'accept']);
    assert.equal(kept.code, 0, kept.stderr);
    world = await startAwsWorld(suite);
  });
  after(async () => {
    await suite.slipway(['down', 'mixed', '--force']);
    await world?.close();
    await machines?.close();
  });

  test('without a list of nodes that are elsewhere it is refused with the line that is lacking, and nothing stays', async () => {
    writeCluster([]);
    const result: CliResult = await suite.slipway(['up', '-f', file, '--yes'], { timeoutMs: 300_000 });
    assert.equal(result.code, 1, result.stderr);
    assert.match(result.stderr, /PREFLIGHT_FAILED[\s\S]*mixed-rented-1 \(10\.100\.\S+\) does not answer it on 10250\/tcp/);
    assert.ok(result.stderr.includes(`spec.drivers.aws.nodeCidrs: [${address}/32]`), result.stderr);
    assert.match(result.stderr, /VPN/);
    assert.deepEqual(await world.leftovers('mixed'), []);
  });

  test('with it a pod runs on the worker, answers the other node, and is seen through the API', async () => {
    writeCluster([`${address}/32`]);
    await succeed('up', '-f', file, '--yes');
    const pod = join(suite.root, 'pod.json');
    const containers = [{ name: 'main', image: 'registry.slipway.local/demo:1' }];
    const metadata = { name: 'far', namespace: 'default' };
    writeFileSync(pod, JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { nodeSelector: { place: 'cloud' }, containers } }));
    await succeed('apply', '-f', pod);
    let podAddress = '';
    await until(
      async () => {
        const shown = await succeed('get', 'pod', 'far', '-o', 'jsonpath={.spec.nodeName} {.status.phase} {.status.podIP}');
        podAddress = /^mixed-rented-1 Running (\S+)$/.exec(shown.trim())?.[1] ?? '';
        return podAddress !== '';
      },
      { what: 'the pod runs on the worker', withinMs: 60_000 },
    );
    const [host] = machines.hosts;
    const script = `exec 3<>/dev/tcp/${podAddress}/8080; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`;
    const answer = await host?.run(['timeout', '10', 'bash', '-c', script], { check: false });
    assert.match(answer?.stdout ?? '', /Hello from Slipway/);
    // Of its agent, by its private address.
    await succeed('logs', 'far');
    await succeed('down', 'mixed');
    assert.deepEqual(await world.leftovers('mixed'), []);
  });
});
