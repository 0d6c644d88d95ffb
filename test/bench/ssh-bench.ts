/**
 * `npm run bench:ssh`: `up` over SSH on prepared hosts (sandboxes with a real sshd each, packages installed, nothing of Slipway on them):
 * two hosts, then ten, then one more to the ten. All hosts and this computer share its processors, so the figures for ten are an upper bound.
 *
 * With --cpus 0.15 each host has that share of a processor for itself, with few hosts and with many, as hosts elsewhere have theirs: slow
 * machines, but the ratio of ten to two is then that of machines that do not take each other's time.
 *
 *   npm run bench:ssh -- --runs 3 --hosts 10 --cpus 0.15 --json FILE
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';
import { median } from './bench-report.ts';

const settings = process.env['SLIPWAY_SSH_BENCH'] ?? JSON.stringify(process.argv.slice(2));
process.env['SLIPWAY_SSH_BENCH'] = settings;
const { values: flags } = parseArgs({
  args: JSON.parse(settings) as string[],
  options: {
    runs: { type: 'string', default: '3' },
    hosts: { type: 'string', default: '10' },
    cpus: { type: 'string' },
    json: { type: 'string' },
  },
});
const suite = await enterSuite(import.meta.filename);
const many = Number(flags.hosts);

interface Run {
  seconds: number;
  /** Of this command and of all that it started on this machine, hosts included. */
  cpuSeconds: number;
  steps: Record<string, number>;
}

const main = async (): Promise<void> => {
  const machines = await startSshMachines(join(suite.root, 'sshd'), many + 1, flags.cpus ? { cpus: Number(flags.cpus) } : {});
  const hosts = (from: number, to: number): string[] => machines.targets.slice(from, to).flatMap((target) => ['--host', target]);
  const result: Record<string, Run[]> = { two: [], many: [], again: [], oneMore: [] };
  try {
    for (let run = 0; run < Number(flags.runs); run++) {
      result['two']?.push(await timed(['up', 'lab', ...hosts(0, 2), '-i', machines.identityFile]));
      await suite.slipway(['down', 'lab']);
      result['many']?.push(await timed(['up', 'lab', ...hosts(0, many), '-i', machines.identityFile]));
      result['again']?.push(await timed(['up', 'lab']));
      result['oneMore']?.push(await timed(['node', 'add', '--cluster', 'lab', ...hosts(many, many + 1)]));
      await suite.slipway(['down', 'lab']);
    }
  } finally {
    await suite.slipway(['down', 'lab', '--force', '--driver', 'ssh']);
    await machines.close();
  }
  const report = {
    load: readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).map(Number),
    hosts: many,
    cpusOfAHost: flags.cpus,
    medianSeconds: Object.fromEntries(Object.entries(result).map(([name, runs]) => [name, median(runs.map((run) => run.seconds))])),
    medianCpuSeconds: Object.fromEntries(Object.entries(result).map(([name, runs]) => [name, median(runs.map((run) => run.cpuSeconds))])),
    runs: result,
  };
  const text = JSON.stringify(report, undefined, 1);
  console.log(text);
  if (flags.json) writeFileSync(flags.json, `${text}\n`);
};

const timed = async (args: readonly string[]): Promise<Run> => {
  const cpuBefore = cpuSeconds();
  const began = performance.now();
  const { code, stdout, stderr } = await suite.slipway([...args, '-o', 'json'], { timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`slipway ${args.join(' ')}: ${stderr.slice(-2000)}`);
  const seconds = Math.round(performance.now() - began) / 1000;
  const steps: Record<string, number> = {};
  for (const line of `${stdout}\n${stderr}`.split('\n')) {
    if (!line.startsWith('{"')) continue;
    const event = JSON.parse(line) as {
      type?: string;
      step?: string;
      milliseconds?: number;
    };
    if (event.type === 'step-done' && event.step) steps[event.step] = event.milliseconds ?? 0;
  }
  const run = { seconds, cpuSeconds: Math.round((cpuSeconds() - cpuBefore) * 10) / 10, steps };
  console.error(`bench: ${args.slice(0, 2).join(' ')} (${args.filter((arg) => arg === '--host').length} hosts): ${JSON.stringify(run)}`);
  return run;
};

/** Of the whole machine: the hosts of this bench are part of it. Ticks are hundredths of a second. */
const cpuSeconds = (): number => {
  const [user = 0, nice = 0, system = 0] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).slice(1).map(Number);
  return (user + nice + system) / 100;
};

await main();
process.exit(0);
