import { lookup } from 'node:dns/promises';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import { writeAtomically } from '../../hosts/local/local-host.ts';
import { KnownHosts } from '../../hosts/ssh/known-hosts.ts';
import { type Route, resolveRoute } from '../../hosts/ssh/resolve-target.ts';
import { type ConfigBlock, readSshConfig } from '../../hosts/ssh/ssh-config.ts';
import { SshConnection, type SshOptions } from '../../hosts/ssh/ssh-connection.ts';
import { createSshHost } from '../../hosts/ssh/ssh-host.ts';
import { knownHostsName, movedHost, parseSshTarget, readTarget } from '../../hosts/ssh/ssh-target.ts';
import { terminalCommand } from '../../hosts/ssh/ssh-terminal.ts';
import { readSudoPassword } from '../../hosts/ssh/sudo-password.ts';
import type { Driver, DriverContext, DriverOptions, Machine, MachineId, MachineSpec } from '../driver.ts';
import { planMachines } from '../plan-machines.ts';
import { sshFindings } from './ssh-findings.ts';

/** What is remembered of a host that became a node. */
interface SshRecord {
  /** `user@address:port`. */
  host: string;
  /** On the nodes' network. */
  address: string;
  identityFile?: string | undefined;
  jumpHost?: string | undefined;
  sudoPasswordFile?: string | undefined;
}

/** Machines that exist. Nothing is made or destroyed: to create is to reach and remember, to destroy is to forget. */
export const createSshDriver = (options: DriverOptions): Driver => {
  let configuration: Promise<ConfigBlock[]> | undefined;
  const config = (): Promise<ConfigBlock[]> => {
    configuration ??= readSshConfig();
    return configuration;
  };
  const folder = join(options.stateDir, 'ssh');
  const file = (name: string): string => join(folder, `${name}.json`);
  const read = async (name: string): Promise<SshRecord | undefined> => {
    const text = await readFile(file(name), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as SshRecord);
  };
  const machine = (id: MachineId, record: SshRecord): Machine => ({
    cluster: id.cluster,
    name: id.name,
    state: 'running',
    address: record.address,
    // Whether hosts share one network is not known from here; an overlay works on every network.
    sameNetwork: false,
  });
  const wayTo = async (record: SshRecord, progress: (message: string) => void): Promise<SshOptions & Route> => ({
    ...resolveRoute(record, await config()),
    agentSocket: process.env['SSH_AUTH_SOCK'],
    knownHosts: new KnownHosts({ pinFile: join(options.stateDir, 'known_hosts'), onFirstUse: progress }),
  });
  const open = async (name: string, record: SshRecord, progress: (message: string) => void): Promise<Host> =>
    createSshHost({
      name: `${name} (${record.host})`,
      ...(await wayTo(record, progress)),
      sudoPassword: async () => {
        const path = record.sudoPasswordFile ?? process.env['SLIPWAY_SUDO_PASSWORD_FILE'];
        return options.secrets?.sudoPassword ?? (path ? readSudoPassword(path) : undefined);
      },
    });
  const remember = async (name: string, record: SshRecord): Promise<void> => {
    await options.journal.record({ kind: 'machine', name, driver: 'ssh', id: record.host, details: { address: record.address } });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeAtomically(file(name), `${JSON.stringify(record)}\n`, 0o600);
  };
  /** What was remembered when this run began. */
  const before = new Map<string, SshRecord>();
  /** A host that was reached is not reached again to work on it: the connection waits here for `connect`. */
  const reached = new Map<string, Host>();
  const describe = async (id: MachineId): Promise<Machine | undefined> => {
    const record = await read(id.name);
    return record && machine(id, record);
  };

  return {
    name: 'ssh',
    keepsMachines: true,
    preflight: async () => sshFindings(),
    plan: (specs) => planMachines({ describe }, specs),
    create: async (spec: MachineSpec, context: DriverContext): Promise<Machine> => {
      const known = await read(spec.name);
      const record = await recordOf(spec, known, await config());
      if (known && !before.has(spec.name)) before.set(spec.name, known);
      await remember(spec.name, record);
      context.progress(`reaching ${record.host}`);
      await reached.get(spec.name)?.close();
      reached.set(spec.name, await open(spec.name, record, context.progress));
      return machine(spec, record);
    },
    describe,
    list: async (cluster) => {
      const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -5));
      const machines = await Promise.all(names.sort().map((name) => describe({ cluster, name })));
      return machines.filter((found) => found !== undefined);
    },
    start: async (id) => {
      const found = await describe(id);
      if (found) return found;
      throw new SlipwayError('NODE_UNKNOWN', { tried: `start ${id.name}`, cause: 'no host is remembered under that name' });
    },
    stop: async (id, { powerOff }) => {
      const record = await read(id.name);
      if (!record) return;
      throw new SlipwayError('USAGE', {
        tried: `${powerOff ? 'power off' : 'stop'} ${id.name}`,
        cause: `${knownHostsName(parseSshTarget(record.host))} is not a machine that Slipway made`,
        advice: [`ssh ${record.host} sudo poweroff`],
      });
    },
    terminal: async ({ name }, command) => {
      const record = await read(name);
      if (!record) throw new SlipwayError('NODE_UNKNOWN', { tried: `reach ${name}`, cause: 'no host is remembered under that name' });
      // What the client finds in the user's configuration by the name that was written holds here too.
      const { host } = readTarget(record.host);
      const { target } = resolveRoute(record, await config());
      const { identityFile, jumpHost } = record;
      const knownHosts = [join(options.stateDir, 'known_hosts'), '~/.ssh/known_hosts', '/etc/ssh/ssh_known_hosts'];
      return terminalCommand({ target: { ...target, host }, identityFile, jumpHost, knownHosts }, command);
    },
    passage: async ({ name }) => {
      const record = await read(name);
      const way = record && (await wayTo(record, () => {}));
      if (!way?.jumps.length) return undefined;
      const connection = new SshConnection(way);
      return {
        through: way.jumps.map((hop) => `${hop.user}@${knownHostsName(hop)}`),
        dial: (port) => connection.dial(port),
        close: () => connection.close(),
      };
    },
    moved: async (moves) => {
      const knownHosts = new KnownHosts({ pinFile: join(options.stateDir, 'known_hosts'), onFirstUse: () => {} });
      // All keys are read before the first is written: hosts may have exchanged their addresses.
      const changes = await Promise.all(
        moves.map(async ({ id, from, to }) => {
          const record = await read(id.name);
          if (!record) return undefined;
          const host = movedHost(record.host, { from, to });
          const address = record.address === from ? to : record.address;
          // One that is knocked at by a name, or by another address, keeps that.
          const keys = host === record.host ? [] : await knownHosts.keysOf(parseSshTarget(record.host));
          return { id, record: { ...record, host, address }, keys };
        }),
      );
      for (const change of changes) {
        if (!change) continue;
        const [key] = change.keys;
        if (key) await knownHosts.pin(parseSshTarget(change.record.host), key);
        await writeAtomically(file(change.id.name), `${JSON.stringify(change.record)}\n`, 0o600);
      }
    },
    takeBack: async ({ name }) => {
      const known = before.get(name);
      if (known) await remember(name, known);
    },
    destroy: async (id) => {
      await reached.get(id.name)?.close();
      reached.delete(id.name);
      await rm(file(id.name), { force: true });
      await options.journal.forget({ driver: 'ssh', kind: 'machine', name: id.name });
    },
    destroyShared: () => rm(folder, { recursive: true, force: true }),
    connect: async (known) => {
      const there = reached.get(known.name);
      reached.delete(known.name);
      if (there) return there;
      const record = await read(known.name);
      if (!record) throw new SlipwayError('NODE_UNKNOWN', { tried: `reach ${known.name}`, cause: 'no host is remembered under that name' });
      return open(known.name, record, () => {});
    },
  };
};

/** What the settings of ssh-settings.ts say. Of a host that is the same, its address is remembered: what its name stands for may be another one today. */
const recordOf = async (spec: MachineSpec, known: SshRecord | undefined, config: readonly ConfigBlock[]): Promise<SshRecord> => {
  const text = (name: string): string | undefined =>
    typeof spec.settings[name] === 'string' ? (spec.settings[name] as string) : undefined;
  const host = text('host') ?? known?.host;
  if (!host)
    throw new SlipwayError('USAGE', {
      tried: `reach the node ${spec.name}`,
      cause: 'no host is given for it',
      advice: [`slipway up ${spec.cluster} --driver ssh --host user@192.0.2.11 --host user@192.0.2.12`],
    });
  return {
    host,
    address:
      text('address') ??
      (known?.host === host ? known.address : undefined) ??
      (await addressFor(resolveRoute({ host }, config).target.host)),
    identityFile: text('identityFile'),
    jumpHost: text('jumpHost'),
    sudoPasswordFile: text('sudoPasswordFile'),
  };
};

const addressFor = async (host: string): Promise<string> => {
  if (isIP(host)) return host;
  try {
    return (await lookup(host, { family: 4 })).address;
  } catch (error) {
    throw new SlipwayError('HOST_UNREACHABLE', { tried: `find the address of ${host}`, cause: error as Error });
  }
};
