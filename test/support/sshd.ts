import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalDriver } from '../../src/drivers/local/local-driver.ts';
import type { Host } from '../../src/hosts/host.ts';
import { openJournal } from '../../src/provision/state/cluster-journal.ts';
import { until } from './until.ts';

/** Machines with a real sshd each, as somebody might have them: sandboxes of a cluster of their own, which nothing else knows of. */
export interface SshMachines {
  /** `root@address`, one a machine. */
  targets: string[];
  /** A key without passphrase that logs in to all of them. */
  identityFile: string;
  hosts: Host[];
  /** Changes a machine's host key and restarts its sshd. */
  changeHostKey(index: number): Promise<void>;
  close(): Promise<void>;
}

const KEY = '/var/tmp/sshd/host_key';

export const startSshMachines = async (folder: string, count: number): Promise<SshMachines> => {
  mkdirSync(folder, { recursive: true });
  const driver = createLocalDriver({ dataDir: join(folder, 'machines'), stateDir: folder, requirements: [], journal: openJournal(folder) });
  const identityFile = join(folder, 'id');
  const newKey = (path: string): void => void execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  newKey(identityFile);
  const names = Array.from({ length: count }, (_, index) => `host-${index + 1}`);
  const context = { signal: new AbortController().signal, progress: () => {} };
  const machines = await Promise.all(names.map((name) => driver.create({ cluster: 'hosts', name, settings: {} }, context)));
  const hosts = await Promise.all(machines.map((machine) => driver.connect(machine)));
  let keys = 0;
  const layHostKey = async (host: Host): Promise<void> => {
    const path = join(folder, `host-key-${keys++}`);
    newKey(path);
    await host.writeFile(KEY, readFileSync(path), { mode: 0o600 });
  };
  await Promise.all(
    hosts.map(async (host) => {
      await host.run(['mkdir', '-p', '/run/sshd', '/run/sshd-keys']);
      await layHostKey(host);
      await host.writeFile('/run/sshd-keys/authorized', readFileSync(`${identityFile}.pub`), { mode: 0o600 });
      await host.services.install({
        name: 'sshd',
        description: 'sshd',
        command: ['/usr/sbin/sshd', '-D', '-e', '-f', '/dev/null', ...SETTINGS],
      });
      await host.services.start('sshd');
    }),
  );
  for (const host of hosts)
    await until(async () => (await host.run(['sh', '-c', 'ss -ltn | grep -q :22'], { check: false })).exitCode === 0, {
      what: `sshd of ${host.name}`,
    });
  return {
    targets: machines.map((machine) => `root@${machine.address}`),
    identityFile,
    hosts,
    changeHostKey: async (index) => {
      const host = hosts[index] as Host;
      await layHostKey(host);
      await host.services.restart('sshd');
    },
    close: async () => {
      await Promise.all(machines.map((machine) => driver.destroy(machine)));
      await driver.destroyShared('hosts');
    },
  };
};

const SETTINGS = [
  `HostKey=${KEY}`,
  'AuthorizedKeysFile=/run/sshd-keys/authorized',
  'PermitRootLogin=yes',
  'UsePAM=no',
  'StrictModes=no',
].flatMap((setting) => ['-o', setting]);
