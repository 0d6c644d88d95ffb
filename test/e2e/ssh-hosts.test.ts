/** The same steps on hosts that Slipway did not make: two machines with a real sshd each. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type SshMachines, startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
let machines: SshMachines;
before(async () => {
  machines = await startSshMachines(join(suite.root, 'sshd'), 2);
});
after(async () => {
  await suite.slipway(['down', 'lab', '--force', '--driver', 'ssh']);
  await machines.close();
});

const hostFlags = (): string[] => machines.targets.flatMap((target) => ['--host', target]);

test('up on two hosts, with the demo', async () => {
  const result = await suite.slipway(['up', 'lab', ...hostFlags(), '-i', machines.identityFile, '--demo']);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /ok +Fetching the demo through its Service/);
});

test('up again finds nothing to change', async () => {
  const result = await suite.slipway(['up', 'lab', '--demo']);
  assert.match(result.stdout, /Cluster lab is unchanged/, result.stderr);
});

test('a power failure of a machine that is not ours is refused', async () => {
  const result = await suite.slipway(['node', 'kill', 'lab-2']);
  assert.equal(result.code, 2);
  assert.match(result.stderr, /not a machine that Slipway made/);
});

test('down takes Slipway off the hosts and leaves them running', async () => {
  const result = await suite.slipway(['down', 'lab']);
  assert.equal(result.code, 0, result.stderr);
  for (const host of machines.hosts) {
    const { stdout } = await host.run([
      'sh',
      '-c',
      'find /etc/slipway/pki /usr/local/lib/slipway /var/lib/kubelet -type f 2>/dev/null; nft list tables; ps -e -o args= | grep -E "^(containerd|runsv slipway|/usr/local/lib/slipway)" || true',
    ]);
    assert.equal(stdout.trim(), '', `left on ${host.name}`);
  }
});
