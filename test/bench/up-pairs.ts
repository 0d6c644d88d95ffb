/**
 * `npm run bench:up-pairs`: a whole cluster of two nodes beside upstream's, in turn: ours (up-bench.ts), theirs (up-peer.sh), and again. Prints medians and
 * ratios. Needs root, upstream's programs (test/conformance/build-judges.sh with PEERS=1) and the scripts that start them.
 *
 *   npm run bench:up-pairs -- --pairs 3 --json FILE
 *
 * Settings: PEER_SCRIPTS (cluster-up.sh, cluster-down.sh, measure.py; default ../shared/bench/peers), PEER_BIN (default ~/.cache/slipway-judges).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from './bench-report.ts';

const root = dirname(dirname(import.meta.dirname));
const scripts = process.env['PEER_SCRIPTS'] ?? join(root, '../shared/bench/peers');
const judges = process.env['PEER_BIN'] ?? join(homedir(), '.cache/slipway-judges');
const { values: flags } = parseArgs({ options: { pairs: { type: 'string', default: '3' }, json: { type: 'string' } } });

interface Ours {
  upSeconds: { median: number };
  rest: Record<string, { processes: number; rssMiB: number; cpuPercent: number }>;
  podsAt5PerSecond: { p50: number; p99: number };
  podsAtOnce: { p50: number; last: number };
  deploymentOf30Seconds: number;
}
interface Peer {
  seconds: { first_http_200_by_dns_name: number };
  rest: { rss_mib: Record<string, number>; cpu_percent_of_one_core: Record<string, number> };
  rate: { p50: number; p99: number };
  burst: { p50: number; all: number };
  deploy: { all_ready_s: number };
}

/** Of upstream's names those that do what the part of ours does. */
const CONTROL_PLANE = /^(etcd|kube-apiserver|kube-controller-manager|kube-scheduler)$/;
const NODE = /kubelet|kube-proxy|coredns/;
const sum = (of: Record<string, number>, names: RegExp): number =>
  Object.entries(of).reduce((total, [name, value]) => total + (names.test(name) ? value : 0), 0);

const ROWS: { what: string; ours: (run: Ours) => number; peer: (run: Peer) => number; digits: number }[] = [
  {
    what: 'nothing to the first 200 by DNS name, s',
    ours: (run) => run.upSeconds.median,
    peer: (run) => run.seconds.first_http_200_by_dns_name,
    digits: 1,
  },
  {
    what: 'control plane at rest, RSS MiB',
    ours: (run) => run.rest['server']?.rssMiB ?? Number.NaN,
    peer: (run) => sum(run.rest.rss_mib, CONTROL_PLANE),
    digits: 0,
  },
  {
    what: 'agent, proxy and DNS of a node, RSS MiB',
    ours: (run) => (run.rest['agent']?.rssMiB ?? Number.NaN) / 2,
    peer: (run) => sum(run.rest.rss_mib, NODE) / 2,
    digits: 0,
  },
  {
    what: 'idle CPU of both, % of a core',
    ours: (run) => (run.rest['server']?.cpuPercent ?? Number.NaN) + (run.rest['agent']?.cpuPercent ?? Number.NaN),
    peer: (run) => sum(run.rest.cpu_percent_of_one_core, CONTROL_PLANE) + sum(run.rest.cpu_percent_of_one_core, NODE),
    digits: 1,
  },
  { what: '50 pods at 5/s, p50 s', ours: (run) => run.podsAt5PerSecond.p50, peer: (run) => run.rate.p50, digits: 2 },
  { what: '50 pods at 5/s, p99 s', ours: (run) => run.podsAt5PerSecond.p99, peer: (run) => run.rate.p99, digits: 2 },
  { what: '40 pods at once, p50 s', ours: (run) => run.podsAtOnce.p50, peer: (run) => run.burst.p50, digits: 1 },
  { what: '40 pods at once, last s', ours: (run) => run.podsAtOnce.last, peer: (run) => run.burst.all, digits: 1 },
  { what: 'Deployment of 30, all ready, s', ours: (run) => run.deploymentOf30Seconds, peer: (run) => run.deploy.all_ready_s, digits: 1 },
];

const main = (): void => {
  const work = mkdtempSync('/var/tmp/slipway-up-pairs-');
  const runs: { ours: Ours[]; peer: Peer[] } = { ours: [], peer: [] };
  try {
    const bin = peerPrograms(work);
    const peer = (...more: string[]): string =>
      execFileSync(join(import.meta.dirname, 'up-peer.sh'), [scripts, bin, join(work, 'peer'), ...more], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    peer('prepare');
    for (let pair = 1; pair <= Number(flags.pairs); pair += 1) {
      runs.ours.push(runOurs(join(work, 'ours.json')));
      runs.peer.push(
        Object.assign(
          {},
          ...peer()
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line) as object),
        ) as Peer,
      );
      console.error(`bench: pair ${pair} done`);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  console.log(table(runs));
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify(runs, undefined, 1)}\n`);
};

/** Links, so that only the images that are needed are loaded. */
const peerPrograms = (work: string): string => {
  const bin = join(work, 'bin');
  mkdirSync(join(bin, 'images'), { recursive: true });
  const link = (name: string): void => symlinkSync(join(judges, name), join(bin, name));
  const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl', 'kubelet', 'kube-proxy'];
  for (const name of [...programs, 'containerd', 'ctr', 'containerd-shim-runc-v2']) link(name);
  for (const name of ['pause-3.10.2.tar', 'coredns-v1.14.7.tar', 'agnhost-2.63.0.tar']) link(join('images', name));
  return bin;
};

const runOurs = (file: string): Ours => {
  const args = [join(import.meta.dirname, 'up-bench.ts'), '--runs', '1', '--rest', '60', '--json', file];
  execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  return JSON.parse(readFileSync(file, 'utf8')) as Ours;
};

const table = ({ ours, peer }: { ours: readonly Ours[]; peer: readonly Peer[] }): string => {
  const row = ({ what, ours: ofOurs, peer: ofPeer, digits }: (typeof ROWS)[number]): string => {
    const [left, right] = [median(ours.map(ofOurs)), median(peer.map(ofPeer))];
    return `| ${what} | ${left.toFixed(digits)} | ${right.toFixed(digits)} | ${(left / right).toFixed(2)} |`;
  };
  return [
    `${ours.length} of each, in turn; medians.`,
    '',
    '| what | ours | upstream | ratio |',
    '|---|---|---|---|',
    ...ROWS.map(row),
  ].join('\n');
};

main();
