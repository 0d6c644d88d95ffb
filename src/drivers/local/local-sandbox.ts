import { existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { renderTemplate } from '../../base/templates/template.ts';
import { enterSandbox } from '../../hosts/local/local-host.ts';
import { runProcess } from '../../hosts/local/run-process.ts';
import { runSilently } from '../../hosts/local/run-silently.ts';
import type { MachineId } from '../driver.ts';
import { removeControlGroup } from './control-groups.ts';
import { attachNode, type ClusterNetwork } from './local-network.ts';
import { type MachineRecord, writeRecord } from './machine-record.ts';
import { ownCapabilities, ownOpenFilesLimit, realMountsBelowRoot, sandboxConfig } from './sandbox-config.ts';
import { bindRoot, releaseRoot, rootfsIn } from './shared-root.ts';

export interface SandboxPlace {
  id: MachineId;
  /** The node's data: folders that are private to it, its record and console. */
  folder: string;
  /** On /run, gone after a reboot of this host. */
  runFolder: string;
  controlGroup: string;
  /** This host's end of the node's network cable. */
  link: string;
}

/** Folders that each node has for itself and keeps while it is off. Everything else is this host's, but /run and /tmp, which are empty at a start. */
const PRIVATE_FOLDERS = [
  ...['/etc/slipway', '/etc/cni', '/etc/containerd', '/usr/local/lib/slipway', '/var/log', '/var/tmp', '/opt/cni'],
  ...['/var/lib/slipway', '/var/lib/containerd', '/var/lib/cni', '/var/lib/kubelet'],
];
const PRIVATE_FILES = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'];

/** Which init runs now. The start time tells it from another process that got its number later. */
interface Running {
  pid: number;
  startedAt: string;
}

const START_TIMEOUT_MS = 60_000;

/** One node of the local driver: its namespaces while it is on, its folders always. */
export class LocalSandbox {
  readonly #place: SandboxPlace;

  constructor(place: SandboxPlace) {
    this.#place = place;
  }

  /** Of the init, undefined when the node is off. */
  async pid(): Promise<number | undefined> {
    return this.pidNow();
  }

  pidNow(): number | undefined {
    try {
      const { pid, startedAt } = JSON.parse(readFileSync(this.#runningFile(), 'utf8')) as Running;
      return startTimeOf(pid) === startedAt ? pid : undefined;
    } catch {
      // No record, or one of a process that is gone: the node is off.
      return undefined;
    }
  }

  /** Where a path of the node lies outside; undefined for what only the running node can show. */
  outside(path: string): string | undefined {
    const folder = PRIVATE_FOLDERS.find((inside) => path === inside || path.startsWith(`${inside}/`));
    return folder || PRIVATE_FILES.includes(path) ? join(this.#place.folder, 'root', path) : undefined;
  }

  /**
   * Binds this host's root where runc can take it. Mount points that the host lacks are made, and stay: a folder that is removed
   * here takes the mounts on it away in every other namespace, and nodes of another installation may stand on it.
   */
  async prepareShared(): Promise<void> {
    await bindRoot(this.#place.runFolder);
    await Promise.all(PRIVATE_FOLDERS.map((folder) => mkdir(folder, { recursive: true })));
  }

  /** Undoes the bind, when no node is left. */
  removeShared(options: { isUsed: () => Promise<boolean> }): Promise<void> {
    return releaseRoot(this.#place.runFolder, options);
  }

  async start(options: { network: ClusterNetwork; record: MachineRecord; signal: AbortSignal }): Promise<void> {
    const { network, record, signal } = options;
    const { id, folder, link } = this.#place;
    await this.#clear();
    await this.#writeBundle(record);
    const consoleFile = join(folder, 'console.log');
    await rm(consoleFile, { force: true });
    const pidFile = join(folder, 'init.pid');
    try {
      await runSilently(this.#runc('create', '--bundle', join(folder, 'bundle'), '--pid-file', pidFile, id.name), {
        output: openSync(consoleFile, 'a', 0o600),
        where: 'this host',
        signal,
      });
      const pid = Number(await readFile(pidFile, 'utf8'));
      await mkdir(join(this.#place.runFolder, id.cluster), { recursive: true, mode: 0o700 });
      await writeRecord(this.#runningFile(), { pid, startedAt: startTimeOf(pid) ?? '' } satisfies Running);
      await attachNode(network, { link, alias: `${id.cluster}/${id.name}`, address: record.address, pid });
      await runProcess(this.#runc('start', id.name), { where: 'this host', signal });
      await this.#awaitReady(pid, signal);
    } catch (error) {
      const lines = await readFile(consoleFile, 'utf8').catch(() => '');
      await this.stop({ powerOff: true });
      if (error instanceof SlipwayError && error.logLines.length === 0 && lines)
        throw new SlipwayError(error.code, { tried: error.tried, cause: error.reason, logLines: lines.trimEnd().split('\n').slice(-10) });
      throw error;
    }
  }

  async stop({ powerOff }: { powerOff: boolean }): Promise<void> {
    const pid = this.pidNow();
    if (pid !== undefined) {
      if (!powerOff) await this.#stopServices(pid);
      killIfThere(pid);
      await untilGone(pid);
    }
    await this.#clear();
  }

  /** Takes away what a killed sandbox leaves: runc's record, empty control groups, the host's end of the cable. */
  async #clear(): Promise<void> {
    const { id, controlGroup, link, runFolder } = this.#place;
    if (existsSync(join(runFolder, 'runc', this.#place.id.cluster, id.name)))
      await runProcess(this.#runc('delete', '--force', id.name), { where: 'this host', check: false });
    // The kernel takes it away with the node's network too, but later. /sys may show the links of another namespace.
    await runProcess(['ip', 'link', 'delete', link], { where: 'this host', check: false });
    await rm(this.#runningFile(), { force: true });
    await removeControlGroup(controlGroup, { patienceMs: 3000 });
  }

  async #writeBundle(record: MachineRecord): Promise<void> {
    const { id, folder } = this.#place;
    const privateFolders = Object.fromEntries(PRIVATE_FOLDERS.map((path) => [path, join(folder, 'root', path)]));
    const privateFiles = Object.fromEntries(PRIVATE_FILES.map((path) => [path, join(folder, 'root', path)]));
    for (const path of Object.values(privateFolders)) await mkdir(path, { recursive: true, mode: 0o755 });
    await mkdir(join(folder, 'bundle'), { recursive: true });
    const config = sandboxConfig({
      hostname: id.name,
      rootfs: rootfsIn(this.#place.runFolder),
      init: renderTemplate('local/node-init', {}),
      cgroupsPath: this.#place.controlGroup,
      privateFolders,
      privateFiles,
      hostMounts: realMountsBelowRoot(),
      capabilities: ownCapabilities(),
      maxOpenFiles: ownOpenFilesLimit(),
      ...(record.memoryMiB ? { memoryBytes: record.memoryMiB * 1024 * 1024 } : {}),
      ...(record.cpus ? { cpus: record.cpus } : {}),
    });
    const at = (path: string): string => privateFiles[path] as string;
    await Promise.all([
      writeFile(join(folder, 'bundle', 'config.json'), JSON.stringify(config)),
      writeFile(at('/etc/hostname'), `${id.name}\n`),
      writeFile(at('/etc/hosts'), `127.0.0.1 localhost\n::1 localhost ip6-localhost\n${record.address} ${id.name}\n`),
      writeFile(at('/etc/resolv.conf'), await reachableResolvers()),
    ]);
  }

  async #awaitReady(pid: number, signal: AbortSignal): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!existsSync(`/proc/${pid}/root/run/slipway-init/ready`)) {
      signal.throwIfAborted();
      if (startTimeOf(pid) === undefined || Date.now() > deadline)
        throw new SlipwayError('TIMEOUT', {
          tried: `start the node ${this.#place.id.name}`,
          cause: Date.now() > deadline ? `it was not up after ${START_TIMEOUT_MS / 1000} s` : 'its first program ended',
        });
      await delay(5);
    }
  }

  async #stopServices(pid: number): Promise<void> {
    // Programs get their signal and ten seconds; what has not ended then goes with the node.
    const script = 'cd /run/slipway-init/services 2> /dev/null && [ "$(ls)" ] && sv -w 10 stop *; exit 0';
    await runProcess([...enterSandbox(pid), 'sh', '-c', script], { where: this.#place.id.name, check: false, timeoutMs: 20_000 });
  }

  #runc(...args: string[]): string[] {
    return ['runc', '--root', join(this.#place.runFolder, 'runc', this.#place.id.cluster), ...args];
  }

  #runningFile(): string {
    return join(this.#place.runFolder, this.#place.id.cluster, `${this.#place.id.name}.json`);
  }
}

/** Field 22 of /proc/PID/stat, undefined for a process that is gone or dead. */
const startTimeOf = (pid: number): string | undefined => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
};

const killIfThere = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

const untilGone = async (pid: number): Promise<void> => {
  const deadline = Date.now() + 10_000;
  while (startTimeOf(pid) !== undefined && Date.now() < deadline) await delay(5);
};

/** Resolvers of this host that a node can reach: one on the host's loopback is not, its own upstream is. */
const reachableResolvers = async (): Promise<string> => {
  for (const file of ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']) {
    const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => /^(nameserver|search|options)\s/.test(line));
    const servers = lines.filter((line) => line.startsWith('nameserver') && !/nameserver\s+(127\.|::1)/.test(line));
    if (servers.length) return `${[...servers, ...lines.filter((line) => !line.startsWith('nameserver'))].join('\n')}\n`;
  }
  return '# This host names no resolver that a node could reach.\n';
};
