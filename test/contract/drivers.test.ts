/** What every driver promises (src/drivers/driver.ts), on real machines. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createAwsDriver } from '../../src/drivers/aws/aws-driver.ts';
import type { Driver, MachineSpec } from '../../src/drivers/driver.ts';
import { createLocalDriver } from '../../src/drivers/local/local-driver.ts';
import { createSshDriver } from '../../src/drivers/ssh/ssh-driver.ts';
import { createVirtualBoxDriver } from '../../src/drivers/virtualbox/virtualbox-driver.ts';
import { openJournal } from '../../src/provision/state/cluster-journal.ts';
import { startAwsWorld } from '../support/aws/aws-world.ts';
import { findMoto } from '../support/aws/moto.ts';
import { type SshMachines, startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';
import { VirtualBoxInMemory } from '../support/virtualbox-in-memory.ts';
import { type ContractSubject, driverContract } from './driver-contract.ts';

/** `npm run test:aws`. */
const moto = process.env['SLIPWAY_TEST_AWS'] ? findMoto() : { missing: 'not asked for' };
const suite = await enterSuite(import.meta.filename);
const journal = openJournal(suite.root);
const context = { signal: new AbortController().signal, progress: () => {} };

const SUBJECTS: Record<string, () => Promise<ContractSubject>> = {
  local: async () => ({
    driver: createLocalDriver({ dataDir: suite.data, stateDir: suite.home, requirements: [], journal }),
    specs: ['c-1', 'c-2'].map((name) => ({ cluster: 'c', name, settings: {} })),
    close: async () => {},
  }),
  ssh: async () => {
    const machines = await startSshMachines(join(suite.root, 'sshd'), 2);
    return {
      driver: createSshDriver({
        dataDir: suite.data,
        stateDir: join(suite.root, 'ssh-state'),
        requirements: [],
        journal: openJournal(suite.root),
      }),
      specs: machines.targets.map((host, index) => ({
        cluster: 'c',
        name: `c-${index + 1}`,
        settings: { host, identityFile: machines.identityFile },
      })),
      close: machines.close,
    };
  },
  // Over moto, with a sandbox behind every instance.
  ...('missing' in moto
    ? {}
    : {
        aws: async () => {
          const world = await startAwsWorld(suite);
          const settings = { clientCidrs: ['10.100.0.1/32'] };
          const options = { dataDir: suite.data, stateDir: join(suite.root, 'aws-state'), requirements: [], journal, settings };
          return {
            driver: createAwsDriver(options),
            specs: ['c-1', 'c-2'].map((name) => ({ cluster: 'c', name, settings })),
            close: () => world.close(),
          };
        },
      }),
  // Its VirtualBox is in memory; test/virtualbox runs the real one.
  virtualbox: async () => {
    const sandboxes = createLocalDriver({ dataDir: join(suite.root, 'box'), stateDir: suite.home, requirements: [], journal });
    const box = new VirtualBoxInMemory(sandboxes);
    const image = join(suite.root, 'image.raw');
    writeFileSync(image, 'an image');
    return {
      driver: createVirtualBoxDriver({ dataDir: suite.data, stateDir: join(suite.root, 'box-state'), requirements: [], journal }, box),
      specs: ['c-1', 'c-2'].map((name) => ({ cluster: 'c', name, settings: { image, user: 'root' } })),
      close: () => box.close(),
    };
  },
};

for (const [name, open] of Object.entries(SUBJECTS)) void driverContract(name, open);

describe('local driver, beyond the contract', () => {
  const driver = createLocalDriver({ dataDir: suite.data, stateDir: suite.home, requirements: [], journal });
  const spec = { cluster: 'p', name: 'p-1', settings: {} };

  test('a machine comes back from a power failure with its address, files and services', async () => {
    const machine = await driver.create(spec, context);
    const host = await driver.connect(machine);
    await host.writeFile('/var/lib/slipway/kept', 'yes', { mode: 0o600 });
    await host.writeFile('/run/gone', 'yes', { mode: 0o600 });
    await host.services.install({ name: 'probe', description: 'probe', command: ['sleep', '1000'] });
    await host.services.start('probe');
    await driver.route?.(spec, ['10.244.7.0/24']);
    await driver.stop(spec, { powerOff: true });
    assert.equal((await driver.describe(spec))?.state, 'stopped');
    await assert.rejects(host.run(['true']), { code: 'HOST_UNREACHABLE' });
    assert.deepEqual(await driver.start(spec, context), machine);
    assert.equal((await host.readFile('/var/lib/slipway/kept'))?.toString(), 'yes');
    assert.equal(await host.readFile('/run/gone'), undefined);
    await until(async () => (await host.services.status('probe')) === 'running');
    assert.match((await suite.run(['ip', 'route'])).stdout, new RegExp(`10\\.244\\.7\\.0/24 via ${machine.address}`));
  });

  test('a cluster beside it gets a network of its own, and a range that is routed already is never taken', async () => {
    await suite.run(['ip', 'route', 'add', 'blackhole', '10.89.1.0/24']);
    const other = await driver.create({ cluster: 'q', name: 'q-1', settings: {} }, context);
    assert.doesNotMatch(other.address, /^10\.89\.[01]\./);
    await suite.run(['ip', 'route', 'delete', '10.89.1.0/24']);
    await assert.rejects(driver.create({ cluster: 'r', name: 'r-1', settings: { subnet: '10.89.0.0/24' } }, context), {
      code: 'ADDRESS_IN_USE',
    });
    await driver.destroy(other);
    await driver.destroyShared('q');
  });

  test('a firewall that drops forwarded packets does not part the nodes', async () => {
    await suite.run(['iptables', '-P', 'FORWARD', 'DROP']);
    const made = await Promise.all(['f-1', 'f-2'].map((name) => driver.create({ cluster: 'f', name, settings: {} }, context)));
    const host = await driver.connect(made[0]!);
    const answer = await host.run(['timeout', '5', 'bash', '-c', `exec 3<>/dev/tcp/${made[1]!.address}/1`], { check: false });
    assert.match(answer.stderr, /refused/);
    await Promise.all(made.map((machine) => driver.destroy(machine)));
    await driver.destroyShared('f');
    assert.doesNotMatch((await suite.run(['iptables', '-S', 'FORWARD'])).stdout, /slipway/);
    await suite.run(['nft', 'delete', 'table', 'ip', 'filter']);
  });

  test('nothing is left on the host when the last machine is gone', async () => {
    await driver.destroy(spec);
    await driver.destroyShared('p');
    assert.deepEqual(await suite.leftovers(), []);
    assert.equal(existsSync('/run/slipway'), false);
  });
});

describe('ssh driver, beyond the contract', () => {
  let machines: SshMachines;
  const open = (state = 'ssh-state-2'): Driver =>
    createSshDriver({ dataDir: suite.data, stateDir: join(suite.root, state), requirements: [], journal });
  before(async () => {
    machines = await startSshMachines(join(suite.root, 'sshd-2'), 1);
  });
  after(() => machines.close());
  const spec = (settings: object): MachineSpec => ({ cluster: 'k', name: 'k-1', settings: { host: machines.targets[0], ...settings } });

  test('a key that the host does not take is refused by name', async () => {
    await suite.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(suite.root, 'stranger')]);
    await assert.rejects(open().create(spec({ identityFile: join(suite.root, 'stranger') }), context), { code: 'SSH_AUTH_FAILED' });
  });

  test('a key with a passphrase and no agent fails at once and names the key', async () => {
    const path = join(suite.root, 'locked');
    await suite.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', 'words', '-f', path]);
    await assert.rejects(open().create(spec({ identityFile: path }), context), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'SSH_AUTH_FAILED');
      assert.match(error.message, /locked has a passphrase/);
      return true;
    });
  });

  test('the key of a host is told at first use, kept, and another one refused', async () => {
    const said: string[] = [];
    const driver = open('fresh-state');
    const machine = await driver.create(spec({ identityFile: machines.identityFile }), { ...context, progress: (line) => said.push(line) });
    assert.match(said.join('\n'), /is trusted from now on by its key SHA256:/);
    await (await driver.connect(machine)).close();
    await machines.changeHostKey(0);
    await assert.rejects(driver.connect(machine), { code: 'HOST_KEY_MISMATCH' });
  });

  test('thirty commands at once go through, eight at a time', async () => {
    const driver = createSshDriver({
      dataDir: suite.data,
      stateDir: join(suite.root, 'ssh-state-3'),
      requirements: [],
      journal: openJournal(suite.root),
    });
    const host = await driver.connect(await driver.create(spec({ identityFile: machines.identityFile }), context));
    const answers = await Promise.all(Array.from({ length: 30 }, (_, index) => host.run(['echo', String(index)])));
    assert.deepEqual(
      answers.map((answer) => Number(answer.stdout)),
      Array.from({ length: 30 }, (_, index) => index),
    );
    await host.close();
  });

  test('a host is reached through a jump host', async () => {
    const driver = createSshDriver({
      dataDir: suite.data,
      stateDir: join(suite.root, 'ssh-state-4'),
      requirements: [],
      journal: openJournal(suite.root),
    });
    const settings = { identityFile: machines.identityFile, jumpHost: machines.targets[0], host: 'root@127.0.0.1' };
    const machine = await driver.create({ cluster: 'k', name: 'k-1', settings }, context);
    const host = await driver.connect(machine);
    assert.equal((await host.run(['hostname'])).stdout.trim(), 'host-1');
    await host.close();
  });
});
