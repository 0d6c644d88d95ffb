/** SIGKILL of `up` and `down` at random moments, then one `down`: nothing may be left, on this computer or on the hosts. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Suite } from '../support/suite.ts';

export interface DrillOptions {
  suite: Suite;
  /** Kills, each of an `up` or a `down`. */
  kills: number;
  seed: number;
  /** Of `up`, beside the name. */
  upArgs: readonly string[];
  /** Hosts of a cloud go a moment after it was told so: waits until they have. */
  settle?: () => Promise<void>;
  /** What is left on hosts that are kept, or in a cloud, one line each; hosts of the test itself are no leftovers. */
  leftOnHosts?: () => Promise<string[]>;
  /** No kill comes later than this after the start. */
  longest: { upMs: number; downMs: number };
  /** Above 1, kills of `up` come early more often: with 3 half of them come in the first eighth, where most is made when machines then boot for minutes. */
  skew?: number;
  /** Of the series that end with a killed `up`, the share after which one more `up` must finish the cluster, before `down`. Default 0. */
  goOn?: number;
  log: (line: string) => void;
}

export interface DrillResult {
  kills: number;
  /** Kills that met a program that had ended by then. */
  late: number;
  downs: number;
  /** Clusters that were finished after all. */
  finished: number;
}

/** Throws at the first thing that is left, with the round and the seed that make it again. */
export const killDrill = async (options: DrillOptions): Promise<DrillResult> => {
  const { suite, kills, seed, log } = options;
  const random = randomNumbers(seed);
  // Numbers of its own: the kills of a seed stay the same.
  const finishing = randomNumbers(seed + 1);
  const before = new Set(await suite.leftovers());
  const result: DrillResult = { kills: 0, late: 0, downs: 0, finished: 0 };
  while (result.kills < kills) {
    const name = `drill-${result.downs + 1}`;
    const rounds = 1 + Math.floor(random() * 3);
    const told: string[] = [];
    let endsWithUp = false;
    for (let round = 0; round < rounds && result.kills < kills; round++) {
      const isUp = round === 0 || random() < 0.5;
      endsWithUp = isUp;
      const afterMs = Math.floor(isUp ? random() ** (options.skew ?? 1) * options.longest.upMs : random() * options.longest.downMs);
      const cli = suite.startSlipway(isUp ? ['up', name, '--yes', ...options.upArgs] : ['down', name]);
      const ended = await Promise.race([cli.ended.then(() => true), delay(afterMs, false)]);
      cli.signal('SIGKILL');
      await cli.ended;
      result.kills++;
      if (ended) result.late++;
      told.push(`${isUp ? 'up' : 'down'} killed after ${afterMs} ms${ended ? ' (had ended)' : ''}`);
    }
    if (endsWithUp && finishing() < (options.goOn ?? 0)) {
      await expectToGoOn(options, { name, story: `${told.join(', ')} (seed ${seed}, cluster ${name})` });
      told.push('up finished it');
      result.finished++;
    }
    await expectCleanDown(options, { name, before, story: `${told.join(', ')} (seed ${seed}, cluster ${name})` });
    result.downs++;
    log(`${result.kills}/${kills}: ${told.join(', ')}: nothing left`);
  }
  return result;
};

const expectToGoOn = async ({ suite, upArgs }: DrillOptions, { name, story }: { name: string; story: string }): Promise<void> => {
  const up = await suite.slipway(['up', name, '--yes', ...upArgs]);
  assert.equal(up.code, 0, `up did not go on after ${story}: ${up.stderr}`);
  const status = await suite.slipway(['status', name]);
  assert.equal(status.code, 0, `not well after ${story}: ${status.stdout}${status.stderr}`);
};

const expectCleanDown = async (
  { suite, settle, leftOnHosts }: DrillOptions,
  { name, before, story }: { name: string; before: ReadonlySet<string>; story: string },
): Promise<void> => {
  const down = await suite.slipway(['down', name]);
  // One that was killed before it wrote anything down has made nothing.
  if (down.code !== 0) assert.match(down.stderr, /CLUSTER_UNKNOWN/, `down failed after ${story}: ${down.stderr}`);
  await settle?.();
  const left = (await suite.leftovers()).filter((line) => !before.has(line));
  assert.deepEqual(left, [], `left after ${story}`);
  assert.deepEqual(foldersIn(join(suite.home, 'clusters')), [], `state left after ${story}`);
  if (existsSync(suite.kubeconfig)) assert.ok(!readFileSync(suite.kubeconfig, 'utf8').includes(name), `kubeconfig after ${story}`);
  if (leftOnHosts) assert.deepEqual(await leftOnHosts(), [], `left on hosts after ${story}`);
};

const foldersIn = (path: string): string[] => (existsSync(path) ? readdirSync(path) : []);

/** The same numbers for the same seed (mulberry32), from 0 to below 1. */
const randomNumbers = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};
