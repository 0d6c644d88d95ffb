/**
 * `npm run bench:up`: a whole cluster of two local nodes, as a person makes it: `up` until the demo answers 200 by its DNS name, memory and
 * CPU at rest, the CLI, and how long pods take. Needs root and what the local driver needs; runs in namespaces of its own.
 *
 *   npm run bench:up -- --runs 5 --rest 60 --json FILE
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { parseArgs } from 'node:util';
import { deployment } from '../../src/api/apps/deployment.ts';
import { pod as pods } from '../../src/api/core/pod.ts';
import type { Stored } from '../../src/api/meta/object.ts';
import type { Deployment } from '../../src/api/types/apps-v1.ts';
import type { Pod } from '../../src/api/types/core-v1.ts';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/create-client.ts';
import { createRestTransport } from '../../src/client/rest/rest-transport.ts';
import { connectionOf, loadKubeconfig } from '../../src/pki/kubeconfig.ts';
import { DEMO_IMAGE } from '../support/demo-cluster.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';
import { median } from './bench-report.ts';

const settings = process.env['SLIPWAY_UP_BENCH'] ?? JSON.stringify(process.argv.slice(2));
process.env['SLIPWAY_UP_BENCH'] = settings;
const { values: flags } = parseArgs({
  args: JSON.parse(settings) as string[],
  options: { runs: { type: 'string', default: '5' }, rest: { type: 'string', default: '60' }, json: { type: 'string' } },
});
const suite = await enterSuite(import.meta.filename);
const cli = join(dirname(dirname(import.meta.dirname)), 'dist/slipway.js');
after(() => suite.slipway(['down', 'bench', '--force']));

/** Namespaces do not matter here: everything is in `default`. */
const namespace = 'default';
const PAUSE = 'registry.slipway.local/pause:1';
const PROGRAMS = {
  server: /slipway-server\.js/,
  agent: /slipway-agent\.js/,
  shim: /containerd-shim/,
  containerd: /^containerd |\/containerd /,
};

const main = async (): Promise<void> => {
  const seconds: number[] = [];
  for (let run = 1; run <= Number(flags.runs); run += 1) {
    if (run > 1) await slipway('down', 'bench', '--force');
    seconds.push((await timed(() => slipway('up', 'bench', '--yes', '--demo'))) / 1000);
    console.error(`bench: up ${run}: ${seconds.at(-1)?.toFixed(1)} s`);
  }
  const client = await clientOf();
  const result = {
    load: readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).map(Number),
    upSeconds: { median: median(seconds), runs: seconds },
    cliMs: {
      version: await medianTime(() => suite.run([process.execPath, cli, 'version', '--client'])),
      getPods: await medianTime(() => suite.run([process.execPath, cli, 'get', 'pods'])),
    },
    rest: await atRest(Number(flags.rest)),
    podsAt5PerSecond: await podTimes(client, { name: 'rate', count: 50, perSecond: 5 }),
    podsAtOnce: await podTimes(client, { name: 'burst', count: 40, perSecond: Number.POSITIVE_INFINITY }),
    deploymentOf30Seconds: await deploymentTime(client, 30),
  };
  const text = JSON.stringify(result, undefined, 1);
  console.log(text);
  if (flags.json) writeFileSync(flags.json, `${text}\n`);
};

const slipway = async (...args: string[]): Promise<void> => {
  const { code, stderr } = await suite.slipway(args);
  if (code !== 0) throw new Error(`slipway ${args.join(' ')}: ${stderr.slice(-2000)}`);
};

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

/** Of nine, in milliseconds. */
const medianTime = async (work: () => Promise<unknown>): Promise<number> => {
  const times: number[] = [];
  for (let run = 0; run < 9; run += 1) times.push(await timed(work));
  return Math.round(median(times));
};

const clientOf = async (): Promise<Client> => {
  const { server, caPem, certPem, keyPem } = await connectionOf(await loadKubeconfig([suite.kubeconfig]));
  return createClient(createRestTransport({ servers: [server], ca: caPem, cert: certPem, key: keyPem }));
};

/** RSS and PSS in MiB and CPU in percent of one core over that time, each summed over the processes of a sort. */
const atRest = async (forSeconds: number) => {
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const before = processes();
  await new Promise((resolve) => setTimeout(resolve, forSeconds * 1000));
  const rest: Record<string, { processes: number; rssMiB: number; pssMiB: number; cpuPercent: number }> = {};
  for (const [pid, { sort, ticks, rssMiB, pssMiB }] of processes()) {
    const sum = rest[sort] ?? { processes: 0, rssMiB: 0, pssMiB: 0, cpuPercent: 0 };
    rest[sort] = sum;
    sum.processes += 1;
    sum.rssMiB += rssMiB;
    sum.pssMiB += pssMiB;
    // A tick is a hundredth of a second.
    sum.cpuPercent += (ticks - (before.get(pid)?.ticks ?? 0)) / forSeconds;
  }
  return rest;
};

const processes = () => {
  const found = new Map<string, { sort: string; ticks: number; rssMiB: number; pssMiB: number }>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const sort = Object.entries(PROGRAMS).find(([, pattern]) => pattern.test(command))?.[0];
      if (!sort) continue;
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const memory = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
      const mib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(memory)?.[1] ?? 0) / 1024;
      found.set(pid, { sort, ticks: Number(fields[11]) + Number(fields[12]), rssMiB: mib('Rss'), pssMiB: mib('Pss') });
    } catch {
      // It ended while it was looked at.
    }
  }
  return found;
};

const shimCount = (): number => [...processes().values()].filter(({ sort }) => sort === 'shim').length;

/** From the request that creates a pod to the watch event that shows it Running. */
const podTimes = async (client: Client, options: { name: string; count: number; perSecond: number }) => {
  const { name, count, perSecond } = options;
  const shims = shimCount();
  const created = new Map<string, number>();
  const times = new Map<string, number>();
  const stop = new AbortController();
  const { metadata } = await client.list<Stored<Pod>>(pods, { namespace });
  const watching = (async () => {
    const labelSelector = `app=${name}`;
    for await (const event of client.watch(pods, {
      namespace,
      labelSelector,
      resourceVersion: metadata.resourceVersion ?? '',
      signal: stop.signal,
    })) {
      const seen = event.object as Stored<Pod>;
      const podName = seen.metadata.name ?? '';
      const since = created.get(podName);
      if (since !== undefined && seen.status?.phase === 'Running' && !times.has(podName)) times.set(podName, performance.now() - since);
    }
  })().catch(() => {
    // Ended by us; a watch that ended early shows as pods that are missing.
  });
  const creating: Promise<unknown>[] = [];
  for (let index = 0; index < count; index += 1) {
    const podName = `${name}-${index}`;
    const wanted = {
      metadata: { name: podName, namespace, labels: { app: name } },
      spec: { containers: [{ name: 'a', image: PAUSE }] },
    };
    created.set(podName, performance.now());
    creating.push(client.create<Pod>(pods, wanted, { namespace }));
    if (Number.isFinite(perSecond)) await new Promise((resolve) => setTimeout(resolve, 1000 / perSecond));
  }
  await Promise.all(creating);
  await until(() => times.size === count, { withinMs: 120_000, what: `${count} running pods` });
  stop.abort();
  await watching;
  const sorted = [...times.values()].sort((left, right) => left - right).map((ms) => Math.round(ms) / 1000);
  await client.deleteCollection(pods, { namespace, labelSelector: `app=${name}`, gracePeriodSeconds: 0 });
  await until(async () => (await client.list(pods, { namespace, labelSelector: `app=${name}` })).items.length === 0, { withinMs: 120_000 });
  // The pods are gone from the API; their containers end after that, which is no part of what is measured next.
  await until(() => shimCount() <= shims, { withinMs: 120_000, what: 'the containers of the pods have ended' });
  return { p50: sorted[(count - 1) >> 1], p99: sorted[Math.ceil(count * 0.99) - 1], first: sorted[0], last: sorted.at(-1) };
};

/** From creating the Deployment to all of its pods ready, each with a probe every second. */
const deploymentTime = async (client: Client, replicas: number): Promise<number> => {
  const app = { app: 'thirty' };
  const readinessProbe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 };
  const containers = [{ name: 'web', image: DEMO_IMAGE, readinessProbe }];
  const spec = { replicas, selector: { matchLabels: app }, template: { metadata: { labels: app }, spec: { containers } } };
  const took = await timed(async () => {
    await client.create<Deployment>(deployment, { metadata: { name: 'thirty', namespace }, spec }, { namespace });
    const target = { namespace, name: 'thirty' };
    await until(async () => (await client.get<Stored<Deployment>>(deployment, target)).status?.readyReplicas === replicas, {
      withinMs: 120_000,
    });
  });
  return Math.round(took) / 1000;
};

await main();
