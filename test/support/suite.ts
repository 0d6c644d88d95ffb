import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findKubectl } from './kubectl.ts';

/** See README.md in this folder. */
export interface Suite {
  /** A folder of the suite's own, removed at its end. */
  root: string;
  home: string;
  data: string;
  kubeconfig: string;
  env: Record<string, string>;
  /** Runs the CLI to its end. */
  slipway(args: readonly string[], options?: RunCliOptions): Promise<CliResult>;
  /** The same as user 65534, who may not write what is root's. */
  slipwayAsNobody(args: readonly string[], options?: RunCliOptions): Promise<CliResult>;
  /** A program of the host as that user. */
  runAsNobody(command: readonly string[], options?: RunCliOptions): Promise<CliResult>;
  /** Starts the CLI; for Ctrl-C and the like. */
  startSlipway(args: readonly string[], options?: RunCliOptions): RunningCli;
  /** Starts a program of the host in the suite's namespaces. */
  start(command: readonly string[], options?: RunCliOptions): RunningCli;
  /** Runs one to its end. */
  run(command: readonly string[], options?: RunCliOptions): Promise<CliResult>;
  /** Stock kubectl on the suite's kubeconfig; asked for by `enterSuite(file, { kubectl: true })`. */
  kubectl(args: readonly string[], options?: RunCliOptions): Promise<CliResult>;
  /** Why there is no kubectl here; for `test(..., { skip })`. */
  readonly noKubectl: string | false;
  /** What clusters leave behind on a host, one line each: empty after `down`. */
  leftovers(): Promise<string[]>;
}

export interface RunCliOptions {
  env?: Record<string, string>;
  input?: string;
  timeoutMs?: number;
}

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunningCli {
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** Everything on stdout and stderr so far. */
  output(): string;
  readonly ended: Promise<CliResult>;
}

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const NEEDED = ['unshare', 'setpriv', 'runc', 'containerd', 'runsvdir', 'nft', 'ip', 'conntrack'];

/** Of root's rights only reading is kept: the project may lie in a folder that is closed to others, such as root's home. */
const AS_NOBODY = [
  ...['setpriv', '--reuid', '65534', '--clear-groups'],
  ...['--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search'],
];

/**
 * To be awaited at the head of a test file, before its tests: runs the file again in network, mount and PID namespaces of its own with
 * an empty /run, and ends this process with the outcome. Inside, answers the suite. Where the host cannot do that, the file's tests
 * are replaced by one that is skipped with the reason.
 */
export const enterSuite = async (file: string, options: { kubectl?: boolean } = {}): Promise<Suite> => {
  const inside = process.env['SLIPWAY_SUITE'];
  if (inside) return createSuite(inside);
  const missing = process.getuid?.() === 0 ? NEEDED.filter((name) => !isInstalled(name)) : ['root'];
  if (missing.length) {
    test(`a suite with real machines needs ${missing.join(', ')}`, { skip: `missing: ${missing.join(', ')}` }, () => {});
    // The rest of the file must not run: its tests would touch this host.
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.exit(0);
  }
  await buildWhenStale();
  // Found, or built once, out here: inside there is no network.
  const kubectl = options.kubectl ? findKubectl() : { missing: 'not asked for' };
  process.exit(await runInside(file, 'path' in kubectl ? { SLIPWAY_KUBECTL: kubectl.path } : { SLIPWAY_NO_KUBECTL: kubectl.missing }));
};

const runInside = async (file: string, settings: Record<string, string>): Promise<number> => {
  const folder = mkdtempSync('/var/tmp/slipway-suite-');
  // The shell stays as first program: it reaps orphans, which Node.js does not.
  const script = 'mount -t tmpfs -o mode=755 tmpfs /run && ip link set lo up && "$@"; exit $?';
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['sh', '-c', script, 'sh', process.execPath, ...process.execArgv.filter((flag) => !flag.startsWith('--test')), file],
    ],
    { stdio: 'inherit', env: { ...process.env, ...settings, SLIPWAY_SUITE: folder } },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill('SIGKILL'));
  const code = await new Promise<number>((resolve) => child.once('exit', (status) => resolve(status ?? 1)));
  await removeControlGroups(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  return code;
};

const createSuite = async (folder: string): Promise<Suite> => {
  const data = join(folder, 'data');
  const env = {
    SLIPWAY_HOME: join(folder, 'home'),
    SLIPWAY_DATA: data,
    KUBECONFIG: join(folder, 'kubeconfig'),
    NO_COLOR: '1',
  };
  Object.assign(process.env, env);
  const start = (command: readonly string[], options: RunCliOptions = {}): RunningCli =>
    startProgram(command, { ...options, env: { ...env, ...options.env } });
  const run = (command: readonly string[], options: RunCliOptions = {}): Promise<CliResult> => start(command, options).ended;
  const cli = [process.execPath, join(root, 'dist', 'slipway.js')];
  // Mounts of the host, of containers that run there, came along.
  const before = new Set(await findLeftovers(run, data));
  return {
    root: folder,
    home: env.SLIPWAY_HOME,
    data,
    kubeconfig: env.KUBECONFIG,
    env,
    run,
    start,
    slipway: (args, options) => run([...cli, ...args], options),
    slipwayAsNobody: (args, options) => run([...AS_NOBODY, ...cli, ...args], options),
    runAsNobody: (command, options) => run([...AS_NOBODY, ...command], options),
    startSlipway: (args, options) => start([...cli, ...args], options),
    kubectl: (args, options) => run([process.env['SLIPWAY_KUBECTL'] ?? 'kubectl', ...args], options),
    noKubectl: process.env['SLIPWAY_NO_KUBECTL'] ?? false,
    leftovers: async () => (await findLeftovers(run, data)).filter((line) => !before.has(line)),
  };
};

const startProgram = (command: readonly string[], options: RunCliOptions): RunningCli => {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { env: { ...process.env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '', all: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (part: string) => {
      text[stream] += part;
      text.all += part;
    });
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const deadline = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 180_000);
  const ended = new Promise<CliResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout: text.stdout, stderr: text.stderr }));
  }).finally(() => clearTimeout(deadline));
  return { pid: child.pid ?? 0, signal: (name) => child.kill(name), output: () => text.all, ended };
};

const findLeftovers = async (run: Suite['run'], data: string): Promise<string[]> => {
  const lines = async (what: string, command: readonly string[], pattern: RegExp): Promise<string[]> =>
    (await run(command)).stdout
      .split('\n')
      .filter((line) => pattern.test(line))
      .map((line) => `${what}: ${line.trim()}`);
  const found = await Promise.all([
    // Whether a link is up changes by itself.
    lines('link', ['ip', '-brief', 'link'], /^sw(br|if)/).then((found) => found.map((line) => line.replace(/(link: \S+).*/, '$1'))),
    lines('route', ['ip', 'route'], /./).then((found) => found.map((line) => line.replace(' linkdown', ''))),
    lines('table', ['nft', 'list', 'tables'], /./),
    lines('rule', ['iptables', '-S', 'FORWARD'], /slipway/),
    lines('mount', ['cat', '/proc/self/mounts'], /\/run\/(slipway|netns)/),
    lines('process', ['ps', '-e', '-o', 'args='], /^(runsv|containerd|.*\/slipway\/node)/),
  ]);
  const groups = controlGroupsOf(data).map((path) => `control group: ${path}`);
  const folders = ['clusters', 'networks'].flatMap((name) =>
    existsSync(join(data, name)) ? readdirSync(join(data, name)).map((entry) => `data: ${name}/${entry}`) : [],
  );
  return [...found.flat(), ...groups, ...folders];
};

/** The driver names its groups after its data folder. */
const controlGroupsOf = (data: string): string[] => {
  const name = `slipway-${createHash('sha256').update(data).digest('hex').slice(0, 8)}`;
  return [...readdirSync('/sys/fs/cgroup'), '.'].map((mount) => join('/sys/fs/cgroup', mount, name)).filter((path) => existsSync(path));
};

const removeControlGroups = async (folder: string): Promise<void> => {
  const deadline = Date.now() + 10_000;
  const removeTree = (path: string): boolean => {
    try {
      for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeTree(join(path, entry.name));
      rmdirSync(path);
      return true;
    } catch {
      return !existsSync(path);
    }
  };
  // Processes that were killed with their namespace leave their groups a moment later.
  while (!controlGroupsOf(join(folder, 'data')).map(removeTree).every(Boolean) && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 50));
};

const buildWhenStale = async (): Promise<void> => {
  const result = await startProgram(['sh', join(root, 'bin', 'slipway'), 'version', '--client'], {}).ended;
  if (result.code !== 0) throw new Error(`the CLI cannot be built: ${result.stderr}`);
};

const isInstalled = (name: string): boolean =>
  (process.env['PATH'] ?? '')
    .split(':')
    .concat('/usr/sbin', '/sbin')
    .some((folder) => {
      try {
        return statSync(join(folder, name)).isFile();
      } catch {
        return false;
      }
    });
