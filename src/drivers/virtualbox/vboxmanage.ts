import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { runProcess } from '../../hosts/local/run-process.ts';
import type { ForwardRule, VirtualBox, VirtualBoxMachine, VirtualBoxNetwork } from './virtualbox.ts';

const LABEL = 'slipway/';
const CONTROLLER = 'disks';
const CALL_TIMEOUT_MS = 60_000;
/** Copies a whole image. */
const IMPORT_TIMEOUT_MS = 15 * 60_000;

const NO_SERVICE = 'Failed to create the VirtualBox object';
const SERVICE_TRIES = 8;
const SERVICE_RETRY_MS = 1000;

/** The answer to a call that failed: VirtualBox names its faults by code, beside words that change between versions. */
interface Fault {
  code: string | undefined;
  lines: string[];
}

interface Answer {
  text: string;
  fault?: Fault;
  exitCode: number;
}

/** VirtualBox by its command-line tool. `command` is the tool, with what has to stand before it. */
export const createVBoxManage = (command: readonly string[] = ['VBoxManage']): VirtualBox => {
  const call = async (args: readonly string[], timeoutMs = CALL_TIMEOUT_MS): Promise<Answer> => {
    for (let attempt = 1; ; attempt++) {
      const answer = await callOnce(args, timeoutMs);
      // Its service ends some seconds after the last call: one that comes in that moment finds none, and has changed nothing.
      if (attempt === SERVICE_TRIES || !answer.fault?.lines.some((line) => line.includes(NO_SERVICE))) return answer;
      await delay(SERVICE_RETRY_MS);
    }
  };
  const callOnce = async (args: readonly string[], timeoutMs: number): Promise<Answer> => {
    const result = await runProcess([...command, '-q', ...args], {
      where: 'this host',
      check: false,
      timeoutMs,
      env: { LC_ALL: 'C', ...homeOf(process.env) },
    });
    if (result.exitCode === 0) return { text: result.stdout, exitCode: 0 };
    const lines = result.stderr.split('\n').filter((line) => line.includes('error: '));
    return {
      text: result.stdout,
      exitCode: result.exitCode,
      fault: { code: faultCode(lines.join('\n')), lines },
    };
  };
  /** Throws COMMAND_FAILED, except for faults that are expected: then undefined. */
  const run = async (
    args: readonly string[],
    options: { unless?: readonly string[]; timeoutMs?: number } = {},
  ): Promise<string | undefined> => {
    const { text, fault, exitCode } = await call(args, options.timeoutMs);
    if (!fault) return text;
    if (options.unless?.includes(fault.code ?? '')) return undefined;
    throw new SlipwayError('COMMAND_FAILED', {
      tried: `run \`${[...command, ...args].join(' ').slice(0, 160)}\` on this host`,
      cause:
        exitCode === 127
          ? 'VirtualBox is not installed'
          : (fault.lines[0]?.replace(/^.*?error: /, '') ?? `it ended with exit code ${exitCode}`),
      logLines: fault.lines.slice(0, 5),
    });
  };

  const machine = async (name: string): Promise<VirtualBoxMachine | undefined> => {
    const info = await run(['showvminfo', name, '--machinereadable'], { unless: ['VBOX_E_OBJECT_NOT_FOUND'] });
    if (info === undefined) return undefined;
    const values = parseInfo(info);
    const extra = (await run(['getextradata', name, 'enumerate'], { unless: ['VBOX_E_OBJECT_NOT_FOUND'] })) ?? '';
    return {
      name,
      state: values.get('VMState') ?? 'unknown',
      cpus: Number(values.get('cpus')),
      memoryMiB: Number(values.get('memory')),
      snapshots: [...values].filter(([key]) => /^SnapshotName(-\d+)*$/.test(key)).map(([, snapshot]) => snapshot),
      labels: Object.fromEntries(
        [...extra.matchAll(/^Key: slipway\/(\S+), Value: (.*)$/gm)].map((match) => [match[1] as string, match[2] as string]),
      ),
    };
  };
  const networks = async (): Promise<VirtualBoxNetwork[]> => parseNetworks((await run(['natnetwork', 'list'])) ?? '');

  return {
    version: async () => {
      const { text, fault, exitCode } = await call(['--version']);
      if (exitCode === 127) return undefined;
      const version = /^\d+\.\d+\.\d+/m.exec(text)?.[0];
      // Before its answer it warns of a /dev/vboxdrv that does not exist, or of a vboxdrv kernel module that is not loaded.
      if (!fault && version) return { version, hasKernelDriver: !/^WARNING: .*vboxdrv/m.test(text) };
      throw new SlipwayError('PREFLIGHT_FAILED', { tried: 'ask VirtualBox for its version', cause: fault?.lines[0] ?? text.trim() });
    },
    machine,
    machines: async (group) => {
      const names = [...((await run(['list', 'vms'])) ?? '').matchAll(/^"(.*)" \{/gm)].map((match) => match[1] as string);
      const ours = names.filter((name) => name.startsWith(machinePrefix(group)));
      const found = await Promise.all(ours.map(machine));
      return found.filter((each) => each !== undefined).sort((a, b) => a.name.localeCompare(b.name));
    },
    createMachine: async (wanted) => {
      const { name } = wanted;
      const identity = ['--name', name, '--uuid', wanted.uuid, '--groups', wanted.group, '--basefolder', wanted.folder];
      await run(['createvm', ...identity, '--ostype', 'Linux_64', '--register']);
      await run([
        ...['modifyvm', name, '--cpus', String(wanted.cpus), '--memory', String(wanted.memoryMiB), '--boot1', 'disk', '--boot2', 'none'],
        ...['--nic1', 'natnetwork', '--nat-network1', wanted.network, '--macaddress1', wanted.mac, '--nictype1', 'virtio'],
        ...['--rtcuseutc', 'on', '--graphicscontroller', 'vmsvga', '--audio-enabled', 'off', '--usb-ohci', 'off', '--usb-ehci', 'off'],
        ...['--uart1', '0x3F8', '4', '--uart-mode1', 'file', wanted.consoleFile],
      ]);
      await run([
        ...['storagectl', name, '--name', CONTROLLER, '--add', 'virtio-scsi', '--portcount', String(Math.max(2, wanted.disks.length))],
        ...['--bootable', 'on', '--hostiocache', 'off'],
      ]);
      for (const [port, disk] of wanted.disks.entries())
        await run([
          ...['storageattach', name, '--storagectl', CONTROLLER, '--port', String(port), '--device', '0'],
          ...['--type', disk.readOnly ? 'dvddrive' : 'hdd', '--medium', disk.path],
        ]);
      // Last: a machine that has them is whole.
      for (const [key, value] of Object.entries(wanted.labels)) await run(['setextradata', name, `${LABEL}${key}`, value]);
    },
    start: async (name) => void (await run(['startvm', name, '--type', 'headless'], { timeoutMs: 5 * CALL_TIMEOUT_MS })),
    resume: async (name) => void (await run(['controlvm', name, 'resume'])),
    pressPowerButton: async (name) => void (await run(['controlvm', name, 'acpipowerbutton'], { unless: OFF })),
    powerOff: async (name) => void (await run(['controlvm', name, 'poweroff'], { unless: OFF })),
    // With --delete it would try to remove also the disk that others are made from, and fail.
    removeMachine: async (name) => void (await run(['unregistervm', name], { unless: ['VBOX_E_OBJECT_NOT_FOUND'] })),
    createNetwork: async ({ name, cidr }) => {
      if ((await networks()).some((network) => network.name === name)) return false;
      await run(['natnetwork', 'add', '--netname', name, '--network', cidr, '--enable', '--dhcp', 'off']);
      return true;
    },
    networks,
    removeNetwork: async (name) => {
      if ((await networks()).some((network) => network.name === name)) await run(['natnetwork', 'remove', '--netname', name]);
    },
    forward: async (network, rule) => {
      const text = `${rule.name}:tcp:[127.0.0.1]:${rule.hostPort}:[${rule.guestAddress}]:${rule.guestPort}`;
      const known = (await networks()).find((each) => each.name === network)?.forwards.find((each) => each.name === rule.name);
      if (known && ruleText(known) === ruleText(rule)) return;
      if (known) await run(['natnetwork', 'modify', '--netname', network, '--port-forward-4', 'delete', rule.name]);
      await run(['natnetwork', 'modify', '--netname', network, '--port-forward-4', text]);
    },
    removeForward: async (network, name) => {
      const known = (await networks()).find((each) => each.name === network)?.forwards.some((rule) => rule.name === name);
      if (known) await run(['natnetwork', 'modify', '--netname', network, '--port-forward-4', 'delete', name]);
    },
    importDisk: async ({ from, to, raw, sizeGiB }) => {
      const convert = raw ? ['convertfromraw', from, to, '--format', 'VDI'] : ['clonemedium', 'disk', from, to, '--format', 'VDI'];
      await run(convert, { timeoutMs: IMPORT_TIMEOUT_MS });
      const size = /^Capacity:\s+(\d+) MBytes/m.exec((await run(['showmediuminfo', 'disk', to])) ?? '')?.[1];
      if (Number(size) < sizeGiB * 1024) await run(['modifymedium', 'disk', to, '--resize', String(sizeGiB * 1024)]);
      // An image that VirtualBox has read stays in its list; its file belongs to somebody else.
      if (!raw) await run(['closemedium', 'disk', from], { unless: GONE });
    },
    createLinkedDisk: async ({ path, parent }) =>
      void (await run(['createmedium', 'disk', '--filename', path, '--diffparent', parent, '--format', 'VDI'])),
    removeDisk: async (path) => {
      // One that VirtualBox does not list is not to be asked for by its path: it would read it, and want the disk that it was made from.
      for (const kind of ['disk', 'dvd'] as const) {
        const id = mediumId((await run(['list', kind === 'disk' ? 'hdds' : 'dvds'])) ?? '', path);
        if (id !== undefined && (await run(['closemedium', kind, id, '--delete'], { unless: GONE })) === undefined)
          await run(['closemedium', kind, id], { unless: GONE });
      }
      await rm(path, { force: true });
    },
    takeSnapshot: async (name, snapshot) => void (await run(['snapshot', name, 'take', snapshot])),
    restoreSnapshot: async (name, snapshot) => void (await run(['snapshot', name, 'restore', snapshot])),
    deleteSnapshot: async (name, snapshot) => void (await run(['snapshot', name, 'delete', snapshot])),
  };
};

/** `Details: code VBOX_E_FILE_ERROR (0x80bb0004), ...`; tools for disks name only the fault of the library below. */
const faultCode = (text: string): string | undefined => (/\bcode (\w+) \(/i.exec(text) ?? /\b(VERR_[A-Z_]+)\b/.exec(text))?.[1];

/** Faults of a machine that is off already, and of a disk that is gone. */
const OFF = ['VBOX_E_INVALID_VM_STATE', 'VBOX_E_OBJECT_NOT_FOUND', ''];
const GONE = ['VBOX_E_FILE_ERROR', 'VBOX_E_OBJECT_NOT_FOUND'];

/** Machines of the group `/slipway/demo` are named `slipway-demo-NODE`: names of machines are unique on a computer. */
export const machinePrefix = (group: string): string => `${group.slice(1).replaceAll('/', '-')}-`;

const ruleText = ({ hostPort, guestAddress, guestPort }: ForwardRule): string => `${hostPort} ${guestAddress} ${guestPort}`;

/** `name="value"`, `memory=1024`. */
export const parseInfo = (text: string): Map<string, string> =>
  new Map([...text.matchAll(/^"?([^"=\n]+)"?="?(.*?)"?$/gm)].map((match) => [match[1] as string, match[2] as string]));

/** The UUID of a disk in the answer to `list hdds` or `list dvds`. */
const mediumId = (text: string, path: string): string | undefined =>
  text
    .split(/^(?=UUID: )/m)
    .find((part) => /^Location:\s+(.*)$/m.exec(part)?.[1] === path)
    ?.match(/^UUID:\s+(\S+)/)?.[1];

export const parseNetworks = (text: string): VirtualBoxNetwork[] =>
  text
    .split(/^(?=Name: )/m)
    .filter((part) => part.startsWith('Name: '))
    .map((part) => ({
      name: /^Name:\s+(.*)$/m.exec(part)?.[1]?.trim() ?? '',
      cidr: /^Network:\s+(\S+)/m.exec(part)?.[1] ?? '',
      forwards: [...part.matchAll(/^\s+(\S+):tcp:\[127\.0\.0\.1\]:(\d+):\[([\d.]+)\]:(\d+)$/gm)].map((match) => ({
        name: match[1] as string,
        hostPort: Number(match[2]),
        guestAddress: match[3] as string,
        guestPort: Number(match[4]),
      })),
    }));

/** VirtualBox keeps its list of machines in the home of the user who runs it. */
const homeOf = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(['HOME', 'USER', 'VBOX_USER_HOME'].flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
