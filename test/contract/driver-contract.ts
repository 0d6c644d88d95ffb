/** What every driver promises (src/drivers/driver.ts), on machines that it makes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { Driver, Machine, MachineSpec } from '../../src/drivers/driver.ts';
import { until } from '../support/until.ts';

export interface ContractSubject {
  driver: Driver;
  /** Two machines, `c-1` and `c-2`, of the cluster `c`. */
  specs: MachineSpec[];
  close: () => Promise<void>;
}

const execute = promisify(execFile);
const context = { signal: new AbortController().signal, progress: () => {} };

export const driverContract = (name: string, open: () => Promise<ContractSubject>, skip: string | false = false): Promise<void> =>
  describe(`${name} driver`, { skip }, () => {
    let subject: ContractSubject;
    let machines: Machine[];
    before(async () => {
      subject = await open();
    });
    after(() => subject.close());

    test('finds nothing that keeps it from working here', async () => {
      const findings = await subject.driver.preflight();
      assert.deepEqual(
        findings.filter((finding) => finding.severity === 'error'),
        [],
      );
    });

    test('plans machines that are not there yet as absent', async () => {
      const planned = (await subject.driver.plan(subject.specs)).filter((resource) => resource.kind === 'machine');
      assert.deepEqual(
        planned.map(({ name, state }) => [name, state]),
        subject.specs.map((spec) => [spec.name, 'absent']),
      );
    });

    test('makes machines side by side, each with an address of its own, that reach each other', async () => {
      machines = await Promise.all(subject.specs.map((spec) => subject.driver.create(spec, context)));
      assert.deepEqual(
        machines.map((machine) => machine.state),
        ['running', 'running'],
      );
      assert.equal(new Set(machines.map((machine) => machine.address)).size, 2);
      const host = await subject.driver.connect(machines[0]!);
      const probe = `exec 3<>/dev/tcp/${machines[1]!.address}/1`;
      const answer = await host.run(['timeout', '5', 'bash', '-c', probe], { check: false });
      // Refused: a machine is there and has no such port. Unreachable would be another message, and silence exit code 124.
      assert.match(answer.stderr, /refused/);
      await host.close();
    });

    test('create again describes what is there', async () => {
      assert.deepEqual(await subject.driver.create(subject.specs[0]!, context), machines[0]);
    });

    test('plans nothing more for what is there', async () => {
      assert.deepEqual(
        (await subject.driver.plan(subject.specs)).filter((resource) => resource.state !== 'present'),
        [],
      );
    });

    test('lists its machines, and none of another cluster', async () => {
      assert.deepEqual(
        (await subject.driver.list('c')).map((machine) => machine.name),
        ['c-1', 'c-2'],
      );
    });

    test('connects to a host that keeps files and runs services', async () => {
      const host = await subject.driver.connect(machines[0]!);
      assert.deepEqual(await host.writeFile('/etc/slipway/it s/file', "it's\n", { mode: 0o600 }), { changed: true });
      assert.deepEqual(await host.writeFile('/etc/slipway/it s/file', "it's\n", { mode: 0o600 }), { changed: false });
      assert.deepEqual(await host.writeFile('/etc/slipway/it s/file', "it's\n", { mode: 0o644 }), { changed: true });
      assert.equal((await host.readFile('/etc/slipway/it s/file'))?.toString(), "it's\n");
      assert.equal(await host.readFile('/etc/slipway/none'), undefined);
      assert.deepEqual(await host.copyFile(import.meta.filename, '/var/lib/slipway/copy', { mode: 0o644 }), { changed: true });
      assert.deepEqual(await host.copyFile(import.meta.filename, '/var/lib/slipway/copy', { mode: 0o644 }), { changed: false });
      assert.equal((await host.run(['cat'], { input: 'secret' })).stdout, 'secret');
      assert.equal((await host.run(['sh', '-c', 'exit 7'], { check: false })).exitCode, 7);
      await assert.rejects(host.run(['sh', '-c', 'echo why >&2; exit 7']), { code: 'COMMAND_FAILED', logLines: ['why'] });
      await host.services.install({
        name: 'probe',
        description: 'probe',
        command: ['sh', '-c', 'echo "it says $WORD"; exec sleep 1000'],
        env: { WORD: "it's" },
      });
      await host.services.start('probe');
      await until(async () => (await host.services.status('probe')) === 'running');
      await until(async () => (await host.services.logLines('probe', 5)).includes("it says it's"));
      await host.services.stop('probe');
      assert.equal(await host.services.status('probe'), 'stopped');
      await host.services.remove('probe');
      assert.equal(await host.services.status('probe'), 'absent');
      await host.close();
    });

    test('has a terminal that runs a command as root, word by word, with its exit code', async () => {
      const [program = '', ...args] = await subject.driver.terminal(machines[0]!, [
        'sh',
        '-c',
        'echo "$(id -u) $1"; exit 7',
        'sh',
        "it's  two",
      ]);
      // Not waited for synchronously: the way to a machine may lead through this process.
      await assert.rejects(execute(program, args), { code: 7, stdout: "0 it's  two\n" });
    });

    test('destroys twice without an error, and then knows nothing of it', async () => {
      for (const _ of [1, 2]) await Promise.all(machines.map((machine) => subject.driver.destroy(machine)));
      await subject.driver.destroyShared('c');
      await subject.driver.destroyShared('c');
      assert.equal(await subject.driver.describe(machines[0]!), undefined);
      assert.deepEqual(await subject.driver.list('c'), []);
    });
  });
