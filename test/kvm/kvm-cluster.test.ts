/**
 * A cluster on virtual machines, end to end: libvirt, cloud-init, systemd and pure control groups v2, as on machines that people have. The
 * guests are emulated where there is no KVM: minutes, so this is `npm run test:kvm` and no part of `npm test`.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { noLibvirt, startLibvirt } from '../support/libvirt.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';
import { findGuestImage, guestSettings } from './guest-image.ts';

const guest = findGuestImage();
const suite = await enterSuite(import.meta.filename);
const skip = typeof guest === 'string' ? guest : noLibvirt();
const MINUTES = 60_000;

describe('a cluster on virtual machines', { skip }, () => {
  let libvirt: { stop: () => Promise<void> } | undefined;
  const file = join(suite.root, 'cluster.yaml');
  const slipway = (...args: string[]) => suite.slipway(args, { timeoutMs: 40 * MINUTES });
  const check = async (...args: string[]): Promise<string> => {
    const began = Date.now();
    const result = await slipway(...args);
    console.log(`# slipway ${args.join(' ')}: ${Math.round((Date.now() - began) / 1000)} s\n${result.stdout}${result.stderr}`);
    assert.equal(result.code, 0, result.stdout + result.stderr);
    return result.stdout;
  };
  /** Until the demo's own answer comes through its Service, by a node's port. */
  const demoAnswers = async (): Promise<void> => {
    const { stdout } = await slipway('get', 'service', 'demo', '-o', 'jsonpath={.spec.ports[0].nodePort}');
    const address = (await slipway('get', 'nodes', '-o', 'jsonpath={.items[1].status.addresses[0].address}')).stdout;
    const deadline = Date.now() + 10 * MINUTES;
    let last: unknown;
    while (Date.now() < deadline) {
      try {
        const response = await fetch(`http://${address}:${stdout}/`, { signal: AbortSignal.timeout(10_000) });
        const text = await response.text();
        if (response.status === 200) return console.log(`# ${text.trim()}`);
        last = `${response.status}: ${text}`;
      } catch (error) {
        last = error;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    throw new Error(`no answer from http://${address}:${stdout}/: ${last}`);
  };

  const bothReady = () =>
    until(async () => /vm-1\s+Ready[\s\S]*vm-2\s+Ready/.test((await slipway('get', 'nodes')).stdout), { withinMs: 5 * MINUTES });

  before(async () => {
    if (typeof guest === 'string') return;
    mkdirSync(join(suite.root, 'pool'));
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: 'slipway/v1',
        kind: 'Cluster',
        metadata: { name: 'vm' },
        spec: {
          driver: 'kvm',
          drivers: { kvm: { ...guestSettings(guest), poolFolder: join(suite.root, 'pool') } },
          pools: [{ name: 'main', count: 2, cpus: 1, memory: '1Gi', disk: '8Gi' }],
          addons: { demo: true },
        },
      }),
    );
    libvirt = await startLibvirt(suite, { nice: 0 });
  });
  after(() => libvirt?.stop());

  test('plan shows what would be made', async () => {
    const plan = await check('plan', '-f', file);
    for (const name of ['slipway-vm', 'base.raw', 'vm-1', 'vm-2']) assert.match(plan, new RegExp(name));
  });

  test('up makes machines, installs what they lack with apt, and the demo answers', async () => {
    await check('up', '-f', file, '--yes', '--timeout', '35m');
    await demoAnswers();
    await bothReady();
  });

  test('up again changes nothing', async () => {
    assert.doesNotMatch(await check('up', '-f', file, '--timeout', '20m'), /installing/);
  });

  test('machines that were reset come back by themselves, with all that ran on them', async () => {
    const boots = async () => {
      const { stdout } = await slipway('get', 'nodes', '-o', 'jsonpath={.items[*].status.nodeInfo.bootID}');
      return new Set(stdout.split(' ').filter(Boolean));
    };
    const before = await boots();
    assert.equal(before.size, 2);
    for (const name of ['vm.vm-1', 'vm.vm-2']) await suite.run(['virsh', 'reset', name]);
    await until(async () => (await boots()).isDisjointFrom(before) && (await boots()).size === 2, { withinMs: 20 * MINUTES });
    await demoAnswers();
    await bothReady();
  });

  test('a machine is stopped and started by name', async () => {
    await check('node', 'stop', 'vm-2');
    assert.match((await suite.run(['virsh', 'domstate', 'vm.vm-2'])).stdout, /shut off/);
    await check('node', 'start', 'vm-2');
    assert.match((await suite.run(['virsh', 'domstate', 'vm.vm-2'])).stdout, /running/);
  });

  test('down leaves nothing in libvirt', async () => {
    await check('down', 'vm', '--force');
    for (const what of ['list', 'net-list', 'pool-list'])
      assert.equal((await suite.run(['virsh', '--quiet', what, '--all', '--name'])).stdout.trim(), '', what);
    // libvirt itself keeps its empty tables until the host restarts.
    const leftovers = (await suite.leftovers()).filter((line) => !/^table: table ip6? (filter|nat|mangle)$/.test(line));
    assert.deepEqual(leftovers, []);
  });
});
