import { parse } from 'yaml';
import type { Driver, Machine } from '../../src/drivers/driver.ts';
import type { Host } from '../../src/hosts/host.ts';
import { until } from './until.ts';

/** What of `#cloud-config` these hosts act on: enough to be logged in to by key, and to be known by theirs. */
interface CloudConfig {
  hostname?: string;
  users?: { name: string; sudo?: string; ssh_authorized_keys?: string[] }[];
  ssh_keys?: { ed25519_private?: string; ed25519_public?: string };
}

/**
 * Boots a sandbox of the local driver as a cloud's machine would boot: its user data is read, the host key of it is laid, its user is made with
 * keys and sudo, and a real sshd is started, which lets in nobody else.
 */
export const bootCloudHost = async (sandboxes: Driver, options: { machine: Machine; userData: string }): Promise<Host> => {
  const config = (parse(options.userData) ?? {}) as CloudConfig;
  const host = await sandboxes.connect(options.machine);
  const user = config.users?.[0] ?? { name: 'root' };
  await host.run(['mkdir', '-p', '/run/sshd', `${FOLDER}/ssh`]);
  // As cloud-init does it, once in the life of a machine: who changes the key later keeps his own.
  if (!(await host.readFile(`${FOLDER}/ssh/ssh_host_ed25519_key`)))
    await host.writeFile(`${FOLDER}/ssh/ssh_host_ed25519_key`, config.ssh_keys?.ed25519_private ?? '', { mode: 0o600 });
  // The sandbox shows the files of the host that it is on: those of its SSH server are to be its own.
  await host.run(['sh', '-c', `mountpoint -q /etc/ssh || mount --bind ${FOLDER}/ssh /etc/ssh`]);
  await host.writeFile(`${FOLDER}/authorized`, (user.ssh_authorized_keys ?? []).map((key) => `${key}\n`).join(''), { mode: 0o644 });
  // Without it sudo would ask a name server who it is.
  if (config.hostname) await host.run(['sh', '-c', 'echo "127.0.1.1 $1" >> /etc/hosts', 'sh', config.hostname]);
  if (user.name !== 'root') await host.run(['sh', '-ec', ADD_USER, 'sh', user.name], { input: `${user.name} ${user.sudo ?? ''}\n` });
  if ((await host.services.status('sshd')) === 'absent') {
    await host.services.install({
      name: 'sshd',
      description: 'sshd',
      command: ['/usr/sbin/sshd', '-D', '-e', '-f', '/dev/null', '-o', `AllowUsers=${user.name}`, ...SETTINGS],
    });
    await host.services.start('sshd');
  }
  await until(async () => (await host.run(['sh', '-c', 'ss -ltn | grep -q :22'], { check: false })).exitCode === 0, {
    what: `sshd of ${host.name}`,
  });
  return host;
};

/** Of the sandbox's own, and kept over a power failure: a machine's disk has it too. A user may look into it. */
const FOLDER = '/var/tmp/cloud-host';
/** Accounts of a sandbox are this computer's: changed ones are laid over them, where only the sandbox sees them. */
const ADD_USER = `chmod 755 /var/tmp ${FOLDER}
mkdir -p ${FOLDER}/home
for file in passwd shadow; do cp -p /etc/$file ${FOLDER}/$file; done
echo "$1:x:4321:65534::${FOLDER}/home:/bin/bash" >> ${FOLDER}/passwd
echo "$1:*:19000:0:99999:7:::" >> ${FOLDER}/shadow
(umask 226; rm -f ${FOLDER}/sudoers; cat > ${FOLDER}/sudoers)
for file in passwd shadow sudoers; do mountpoint -q /etc/$file || mount --bind ${FOLDER}/$file /etc/$file; done
chown 4321 ${FOLDER}/home`;
const SETTINGS = [
  `HostKey=${FOLDER}/ssh/ssh_host_ed25519_key`,
  `AuthorizedKeysFile=${FOLDER}/authorized`,
  'PermitRootLogin=yes',
  'UsePAM=no',
  'StrictModes=no',
  // What the user of this computer has in their shell's start-up files takes its time, and is no cloud machine's.
  'SetEnv=HOME=/tmp',
].flatMap((setting) => ['-o', setting]);
