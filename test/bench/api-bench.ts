/**
 * `npm run bench`: the API server beside upstream's, in turn, on the same work (apibench, the stock Go client). Prints medians and ratios.
 *
 *   npm run bench -- --runs 5 --objects 5000 --json FILE
 *
 * Settings: APIBENCH_SOURCE (folder of apibench, default ../shared/bench/apibench; needs Go), PEER_SCRIPTS (kube-up.sh and kube-down.sh,
 * default ../shared/bench/peers) and PEER_BIN (etcd and kube-apiserver, default ~/.cache/slipway-judges). Without the peer only ours runs.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SERVER_HEAP } from '../../src/provision/steps/node-command.ts';
import { askAsAdmin, layDownServer } from '../support/server-folder.ts';
import { type Run, report } from './bench-report.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const env = process.env;
const source = env['APIBENCH_SOURCE'] ?? join(root, '../shared/bench/apibench');
const peerScripts = env['PEER_SCRIPTS'] ?? join(root, '../shared/bench/peers');
const peerBin = env['PEER_BIN'] ?? join(homedir(), '.cache/slipway-judges');
const apibench = env['APIBENCH'] ?? join(homedir(), '.cache/slipway-bench/apibench');
const PORT = 46_443;

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    objects: { type: 'string', default: '5000' },
    json: { type: 'string' },
    'without-peer': { type: 'boolean', default: false },
  },
});

const main = async (): Promise<void> => {
  if (!env['SLIPWAY_BENCH_INSIDE']) return prepareAndEnter();
  const folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  const hasPeer = !flags['without-peer'] && existsSync(join(peerBin, 'kube-apiserver')) && existsSync(join(peerScripts, 'kube-up.sh'));
  if (!hasPeer) console.error('bench: no peer: only ours is measured');
  const runs: { ours: Run[]; peer: Run[] } = { ours: [], peer: [] };
  try {
    for (let index = 1; index <= Number(flags.runs); index += 1) {
      runs.ours.push(await runOurs(join(folder, `ours-${index}`)));
      console.error(`bench: run ${index}, ours done`);
      if (hasPeer) runs.peer.push(runPeer(join(folder, `peer-${index}`)));
      if (hasPeer) console.error(`bench: run ${index}, peer done`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(report(runs));
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify(runs, undefined, 1)}\n`);
};

/** Builds what is measured, then starts this file again in a network of its own: ports are free there, and nobody else's traffic is. */
const prepareAndEnter = (): void => {
  if (!existsSync(apibench)) {
    if (spawnSync('go', ['version']).status !== 0) throw new Error(`Go is needed to build ${source}`);
    console.error('bench: building apibench (some minutes) ...');
    execFileSync('go', ['build', '-o', apibench, '.'], { cwd: source, env: { ...env, GOFLAGS: '-mod=mod' }, stdio: 'inherit' });
  }
  execFileSync(process.execPath, [join(root, 'bin/build.js')], { cwd: root, stdio: 'inherit' });
  const command = `ip link set lo up; exec ${[process.execPath, ...process.argv.slice(1)].map((part) => `'${part}'`).join(' ')}`;
  const inside = { ...env, SLIPWAY_BENCH_INSIDE: '1' };
  const isRoot = process.getuid?.() === 0;
  const [program, args] = isRoot ? ['unshare', ['-n', 'sh', '-c', command]] : [process.execPath, process.argv.slice(1)];
  process.exitCode = spawnSync(program, args, { env: inside, stdio: 'inherit' }).status ?? 1;
};

const runOurs = async (folder: string): Promise<Run> => {
  await layDownServer(folder, {
    port: PORT,
    change: (config) => {
      config.logLevel = 'warn';
    },
  });
  const startedAt = performance.now();
  const log = openSync(join(folder, 'server.log'), 'w');
  const server = spawn(process.execPath, [...SERVER_HEAP, join(root, 'dist/slipway-server.js'), '--config', join(folder, 'server.json')], {
    stdio: ['ignore', log, log],
    // As on a node: units keep compiled code between starts.
    env: { ...env, NODE_COMPILE_CACHE: join(dirname(folder), 'compile-cache') },
  });
  try {
    await firstAnswer(folder, server);
    const startSeconds = (performance.now() - startedAt) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const pid = server.pid ?? 0;
    const restMiB = residentMiB(pid);
    const phases = runApibench(join(folder, 'admin.kubeconfig'), [pid]);
    return { startSeconds, restMiB, afterMiB: residentMiB(pid), phases };
  } catch (error) {
    console.error(readFileSync(join(folder, 'server.log'), 'utf8').slice(-2000));
    throw error;
  } finally {
    await ended(server);
  }
};

const runPeer = (folder: string): Run => {
  try {
    const output = execFileSync('bash', [join(peerScripts, 'kube-up.sh'), peerBin, folder], {
      encoding: 'utf8',
      env: { ...env, CORE_ONLY: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const startSeconds = Number(/ready_seconds ([\d.]+)/.exec(output)?.[1]);
    const pids = ['apiserver', 'etcd'].map((name) => Number(readFileSync(join(folder, `${name}.pid`), 'utf8')));
    const memory = (): number => pids.reduce((sum, pid) => sum + residentMiB(pid), 0);
    const restMiB = memory();
    const phases = runApibench(join(folder, 'admin.kubeconfig'), pids);
    return { startSeconds, restMiB, afterMiB: memory(), phases };
  } finally {
    spawnSync('bash', [join(peerScripts, 'kube-down.sh'), folder]);
  }
};

const runApibench = (kubeconfig: string, pids: readonly number[]): Run['phases'] => {
  const args = ['-kubeconfig', kubeconfig, '-n', flags.objects, '-c', '32', '-pids', pids.join(',')];
  const lines = execFileSync(apibench, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Run['phases'][number]);
};

/** Asks for a namespace as the administrator until the server answers 200. */
const firstAnswer = async (folder: string, server: ChildProcess): Promise<void> => {
  const deadline = performance.now() + 30_000;
  while ((await askAsAdmin(folder, { port: PORT, path: '/api/v1/namespaces/default' })).status !== 200) {
    if (server.exitCode !== null || performance.now() > deadline) throw new Error('the server did not come up');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });

const residentMiB = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;

await main();
