import { parse } from 'yaml';
import type { Driver, Machine } from '../../src/drivers/driver.ts';
import type { Host } from '../../src/hosts/host.ts';
import { until } from './until.ts';

/** What of `#cloud-config` these hosts act on: enough to be logged in to by key, and to be known by theirs. */
interface CloudConfig {
  hostname?: string;
  users?: { name: string; ssh_authorized_keys?: string[] }[];
  ssh_keys?: { ed25519_private?: string; ed25519_public?: string };
}

/**
 * Boots a sandbox of the local driver as a cloud's machine would boot: its user data is read, the host key of it is laid, keys are authorised
 * and a real sshd is started. Only root can log in, as the files of users are the host's own.
 */
export const bootCloudHost = async (sandboxes: Driver, options: { machine: Machine; userData: string }): Promise<Host> => {
  const config = (parse(options.userData) ?? {}) as CloudConfig;
  const host = await sandboxes.connect(options.machine);
  const keys = config.users?.find((user) => user.name === 'root')?.ssh_authorized_keys ?? [];
  await host.run(['mkdir', '-p', '/run/sshd', `${FOLDER}/ssh`]);
  // As cloud-init does it, once in the life of a machine: who changes the key later keeps his own.
  if (!(await host.readFile(`${FOLDER}/ssh/ssh_host_ed25519_key`)))
    await host.writeFile(`${FOLDER}/ssh/ssh_host_ed25519_key`, config.ssh_keys?.ed25519_private ?? '', { mode: 0o600 });
  // The sandbox shows the files of the host that it is on: those of its SSH server are to be its own.
  await host.run(['sh', '-c', `mountpoint -q /etc/ssh || mount --bind ${FOLDER}/ssh /etc/ssh`]);
  await host.writeFile(`${FOLDER}/authorized`, keys.map((key) => `${key}\n`).join(''), { mode: 0o600 });
  if ((await host.services.status('sshd')) === 'absent') {
    await host.services.install({
      name: 'sshd',
      description: 'sshd',
      command: ['/usr/sbin/sshd', '-D', '-e', '-f', '/dev/null', ...SETTINGS],
    });
    await host.services.start('sshd');
  }
  await until(async () => (await host.run(['sh', '-c', 'ss -ltn | grep -q :22'], { check: false })).exitCode === 0, {
    what: `sshd of ${host.name}`,
  });
  return host;
};

/** Of the sandbox's own, and kept over a power failure: a machine's disk has it too. */
const FOLDER = '/var/lib/slipway/cloud-host';
const SETTINGS = [
  `HostKey=${FOLDER}/ssh/ssh_host_ed25519_key`,
  `AuthorizedKeysFile=${FOLDER}/authorized`,
  'PermitRootLogin=yes',
  'UsePAM=no',
  'StrictModes=no',
  // What the user of this computer has in their shell's start-up files takes its time, and is no cloud machine's.
  'SetEnv=HOME=/tmp',
].flatMap((setting) => ['-o', setting]);
