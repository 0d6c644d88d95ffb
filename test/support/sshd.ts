import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../../src/drivers/driver.ts';
import { createLocalDriver } from '../../src/drivers/local/local-driver.ts';
import type { Host } from '../../src/hosts/host.ts';
import { openJournal } from '../../src/provision/state/cluster-journal.ts';
import { until } from './until.ts';

/** Machines with a real sshd each, as somebody might have them: sandboxes of a cluster of their own, which nothing else knows of. */
export interface SshMachines {
  /** `root@address`, one a machine. */
  targets: string[];
  /** A key without passphrase that logs in to all of them, as any user. */
  identityFile: string;
  hosts: Host[];
  /** Changes a machine's host key and restarts its sshd. */
  changeHostKey(index: number): Promise<void>;
  /** The line of known_hosts for a machine. */
  hostKey(index: number): Promise<string>;
  /** What a machine's sshd has said, of logins too. Kept where nothing of Slipway's is, which `node reset` takes away. */
  sshdLog(index: number): Promise<string[]>;
  /** Takes the power away and gives it back: sshd begins with the machine. */
  reboot(index: number): Promise<void>;
  /** One half of that. */
  powerOff(index: number): Promise<void>;
  powerOn(index: number): Promise<void>;
  /** Until the next reboot: a user, `dev`, who may use sudo as `sudoers` says (nothing: sudo is not installed). */
  addUser(index: number, options: { password: string; sudoers: string | undefined }): Promise<void>;
  /** Until the next reboot: a file system of its own, as small as wished, over a folder. */
  mountSmall(index: number, folder: string, size: string): Promise<void>;
  /** A power failure of all of them; then they come back, in another network where `prefix` (`10.89.77`) is given. */
  restart(prefix?: string): Promise<void>;
  close(): Promise<void>;
}

const FOLDER = '/var/tmp/sshd';
const KEY = `${FOLDER}/host_key`;
const LOG = `${FOLDER}/log`;

/** With `cpus` each has so much of a processor for itself, and never more. */
export const startSshMachines = async (folder: string, count: number, { cpus }: { cpus?: number } = {}): Promise<SshMachines> => {
  mkdirSync(folder, { recursive: true });
  const driver = createLocalDriver({ dataDir: join(folder, 'machines'), stateDir: folder, requirements: [], journal: openJournal(folder) });
  const identityFile = join(folder, 'id');
  const newKey = (path: string): void => void execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  newKey(identityFile);
  const names = Array.from({ length: count }, (_, index) => `host-${index + 1}`);
  const context = { signal: new AbortController().signal, progress: () => {} };
  const machines = await Promise.all(names.map((name) => driver.create({ cluster: 'hosts', name, cpus, settings: {} }, context)));
  const hosts = await Promise.all(machines.map((machine) => driver.connect(machine)));
  const hostOf = (index: number): Host => hosts[index] as Host;
  const machineOf = (index: number): Machine => machines[index] as Machine;
  let keys = 0;
  const layHostKey = async (host: Host): Promise<void> => {
    const path = join(folder, `host-key-${keys++}`);
    newKey(path);
    await host.writeFile(KEY, readFileSync(path), { mode: 0o600 });
    await host.writeFile(`${KEY}.pub`, readFileSync(`${path}.pub`), { mode: 0o600 });
  };
  const listens = (host: Host): Promise<void> =>
    until(async () => (await host.run(['sh', '-c', 'ss -ltn | grep -q :22'], { check: false })).exitCode === 0, {
      what: `sshd of ${host.name}`,
    });
  await Promise.all(
    hosts.map(async (host) => {
      await layHostKey(host);
      await host.writeFile(`${FOLDER}/authorized`, readFileSync(`${identityFile}.pub`), { mode: 0o644 });
      await host.run(['chmod', '755', FOLDER]);
      await host.services.install({
        name: 'sshd',
        description: 'sshd',
        command: ['sh', '-c', `mkdir -p /run/sshd; exec /usr/sbin/sshd -D -E ${LOG} -f /dev/null ${SETTINGS.join(' ')}`],
      });
      await host.services.start('sshd');
      await listens(host);
    }),
  );
  const powerOff = (index: number): Promise<void> => driver.stop(machineOf(index), { powerOff: true });
  const powerOn = async (index: number): Promise<void> => {
    await driver.start(machineOf(index), context);
    await listens(hostOf(index));
  };
  return {
    targets: machines.map((machine) => `root@${machine.address}`),
    identityFile,
    hosts,
    changeHostKey: async (index) => {
      await layHostKey(hostOf(index));
      await hostOf(index).services.restart('sshd');
      await listens(hostOf(index));
    },
    hostKey: async (index) => {
      const [type, key] = ((await hostOf(index).readFile(`${KEY}.pub`))?.toString() ?? '').split(' ');
      return `${machines[index]?.address} ${type} ${key}`;
    },
    sshdLog: async (index) => ((await hostOf(index).readFile(LOG))?.toString() ?? '').split('\n'),
    reboot: async (index) => {
      await powerOff(index);
      await powerOn(index);
    },
    powerOff,
    powerOn,
    addUser: async (index, { password, sudoers }) => {
      const hash = execFileSync('openssl', ['passwd', '-6', password], { encoding: 'utf8' }).trim();
      await hostOf(index).run(['sh', '-c', ADD_USER], { input: `${hash}\n` });
      if (sudoers === undefined) await hostOf(index).run(['sh', '-c', 'mount --bind /dev/null "$(command -v sudo)"']);
      else await hostOf(index).run(['sh', '-c', SUDOERS], { input: `Defaults !mail_badpass\n${sudoers}\n` });
    },
    mountSmall: async (index, path, size) => {
      await hostOf(index).run(['sh', '-c', `mkdir -p ${path} && mount -t tmpfs -o mode=755,size=${size} tmpfs ${path}`]);
    },
    restart: async (prefix) => {
      await Promise.all(machines.map((machine) => driver.stop(machine, { powerOff: true })));
      if (prefix) renumber(join(folder, 'machines', 'clusters', 'hosts'), prefix);
      await Promise.all(machines.map((machine) => driver.start(machine, context)));
    },
    close: async () => {
      await Promise.all(machines.map((machine) => driver.destroy(machine)));
      await driver.destroyShared('hosts');
    },
  };
};

/** As if the router gave out other addresses: the records of the driver are changed, and its bridge is made anew. */
const renumber = (cluster: string, prefix: string): void => {
  const change = <T>(path: string, with_: (record: T) => T): void =>
    writeFileSync(path, JSON.stringify(with_(JSON.parse(readFileSync(path, 'utf8')) as T)));
  const { bridge } = JSON.parse(readFileSync(join(cluster, 'network.json'), 'utf8')) as { bridge: string };
  execFileSync('ip', ['link', 'delete', bridge]);
  change<{ prefix: string }>(join(cluster, 'network.json'), (network) => ({ ...network, prefix }));
  for (const node of readdirSync(join(cluster, 'nodes')))
    change<{ address: string }>(join(cluster, 'nodes', node, 'machine.json'), (record) => ({
      ...record,
      address: record.address.replace(/^\d+\.\d+\.\d+/, prefix),
    }));
};

/** Accounts of the machine are this computer's: changed ones are laid over them, where only the machine sees them. */
const ADD_USER = `set -e; read -r hash
for file in passwd shadow; do cp -p /etc/$file ${FOLDER}/$file; done
echo 'dev:x:4321:65534:dev:${FOLDER}:/bin/sh' >> ${FOLDER}/passwd
echo "dev:$hash:19000:0:99999:7:::" >> ${FOLDER}/shadow
for file in passwd shadow; do mount --bind ${FOLDER}/$file /etc/$file; done`;
const SUDOERS = `set -e; umask 226; cat > ${FOLDER}/sudoers; chown 0:0 ${FOLDER}/sudoers; mount --bind ${FOLDER}/sudoers /etc/sudoers`;

const SETTINGS = [
  `HostKey=${KEY}`,
  `AuthorizedKeysFile=${FOLDER}/authorized`,
  'PermitRootLogin=yes',
  'UsePAM=no',
  'StrictModes=no',
  // What the user of this computer has in their shell's start-up files takes its time, and is no part of these machines.
  'SetEnv=HOME=/tmp',
  'PidFile=none',
].flatMap((setting) => ['-o', setting]);
