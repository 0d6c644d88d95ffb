import { readFile, statfs } from 'node:fs/promises';
import { arch, cpus, hostname, release, totalmem } from 'node:os';
import type { AgentConfig } from '../../api/config/agent-config.ts';
import { bytes, milliCpu } from '../pods/amounts.ts';

/** What the node is made of. */
export interface Machine {
  hostname: string;
  cpuMillis: number;
  memoryBytes: number;
  diskBytes: number;
  bootId: string;
  machineId: string;
  systemUuid: string;
  kernelVersion: string;
  osImage: string;
  architecture: string;
}

/** What can run short, as it is now. */
export interface Pressure {
  memory: boolean;
  disk: boolean;
  pid: boolean;
}

const ARCHITECTURES: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };
const MIN_MEMORY_BYTES = 100 * 1024 * 1024;
/** Both together, so that a large disk is not called full while much of it is free. */
const MIN_DISK_FRACTION = 0.05;
const MIN_DISK_BYTES = 2 * 1024 * 1024 * 1024;

const text = (file: string): Promise<string> =>
  readFile(file, 'utf8').then(
    (content) => content.trim(),
    () => '',
  );

export const readMachine = async (config: Pick<AgentConfig, 'rootDir' | 'capacity' | 'nodeName'>): Promise<Machine> => {
  const [bootId, machineId, systemUuid, osRelease, disk] = await Promise.all([
    text('/proc/sys/kernel/random/boot_id'),
    text('/etc/machine-id'),
    text('/sys/class/dmi/id/product_uuid'),
    text('/etc/os-release'),
    statfs(config.rootDir).catch(() => undefined),
  ]);
  const { cpu, memory } = config.capacity ?? {};
  return {
    hostname: hostname(),
    cpuMillis: cpu ? milliCpu(cpu) : cpus().length * 1000,
    memoryBytes: memory ? bytes(memory) : totalmem(),
    diskBytes: disk ? disk.blocks * disk.bsize : 0,
    bootId,
    machineId,
    systemUuid: systemUuid || machineId,
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? 'Linux',
    architecture: ARCHITECTURES[arch()] ?? arch(),
  };
};

export const readPressure = async (rootDir: string): Promise<Pressure> => {
  const [meminfo, disk, pidMax, loadavg] = await Promise.all([
    text('/proc/meminfo'),
    statfs(rootDir).catch(() => undefined),
    text('/proc/sys/kernel/pid_max'),
    text('/proc/loadavg'),
  ]);
  const available = Number(/^MemAvailable:\s+(\d+)/m.exec(meminfo)?.[1] ?? Number.MAX_SAFE_INTEGER) * 1024;
  const free = disk ? disk.bavail * disk.bsize : Number.MAX_SAFE_INTEGER;
  const total = disk ? disk.blocks * disk.bsize : 1;
  const processes = Number(loadavg.split(/[ /]/)[4] ?? 0);
  return {
    memory: available < MIN_MEMORY_BYTES,
    disk: free < MIN_DISK_BYTES && free / total < MIN_DISK_FRACTION,
    pid: Number(pidMax) > 0 && processes > Number(pidMax) * 0.95,
  };
};
