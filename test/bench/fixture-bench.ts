/** `npm run bench:fixture`: how long `startCluster()` takes, in fresh processes, from the bundle as the package has it. */
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { values } = parseArgs({ options: { runs: { type: 'string', default: '10' } } });

const CASES = {
  'in memory': {},
  'SQLite in a folder': { store: 'sqlite' },
  'in memory, 10 nodes without machines': { fakeNodes: 10 },
};

const SCRIPT = `const began = performance.now();
const { startCluster } = await import(process.argv[1]);
const imported = performance.now();
const cluster = await startCluster(JSON.parse(process.argv[2]));
const started = performance.now();
await (await cluster.fetch('/api/v1/namespaces/default/serviceaccounts/default')).json();
const answered = performance.now();
const second = performance.now();
await using next = await startCluster(JSON.parse(process.argv[2]));
const secondStarted = performance.now();
await cluster.stop();
console.log(JSON.stringify([imported - began, started - imported, answered - started, secondStarted - second, process.memoryUsage().rss / 2 ** 20]));`;

const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

execFileSync(process.execPath, [join(root, 'bin/build.js')], { stdio: 'inherit' });
console.log(
  '| startCluster() | import ms | first start ms | first answer ms | second start ms | RSS of both MiB |\n|---|---|---|---|---|---|',
);
for (const [name, options] of Object.entries(CASES)) {
  const args = ['--input-type=module', '-e', SCRIPT, join(root, 'dist/testing.js'), JSON.stringify(options)];
  const runs = Array.from(
    { length: Number(values.runs) },
    () => JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as number[],
  );
  const columns = (runs[0] ?? []).map((_, index) => Math.round(median(runs.map((run) => run[index] ?? 0))));
  console.log(`| ${name} | ${columns.join(' | ')} |`);
}
