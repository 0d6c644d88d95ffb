/** `npm run test:kill`: the long drill. KILLS (100), SEED (1) and DRIVER (local, ssh, aws, kvm, virtualbox) in the environment change it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterSuite } from '../support/suite.ts';
import { killDrill } from './kill-drill.ts';
import { aws } from './worlds/aws.ts';
import { kvm } from './worlds/kvm.ts';
import { local } from './worlds/local.ts';
import { ssh } from './worlds/ssh.ts';
import { virtualbox } from './worlds/virtualbox.ts';

const DRIVERS = { local, ssh, aws, kvm, virtualbox };
const name = (process.env['DRIVER'] ?? 'local') as keyof typeof DRIVERS;
const driver = DRIVERS[name];
// Found, or built, before the suite enters its namespaces.
const skip = driver.missing();
const suite = await enterSuite(import.meta.filename);
const kills = Number(process.env['KILLS'] ?? 100);
const seed = Number(process.env['SEED'] ?? 1);
const log = (line: string): void => console.log(line);

test(`${kills} kills with the driver ${name} leave nothing`, { skip }, async () => {
  const world = await driver.open(suite);
  try {
    const longest = world.longest ?? (await withoutKills(world));
    await world.settle?.();
    log(JSON.stringify(await killDrill({ ...world, longest, suite, kills, seed, log })));
  } finally {
    await world.close();
  }
});

/** How long both take when nobody kills them; what is around them also gets by it what it needs once. */
const withoutKills = async ({ upArgs, upFails }: { upArgs: readonly string[]; upFails?: string }) => {
  const timed = async (args: readonly string[], fails?: string): Promise<number> => {
    const startedAt = performance.now();
    const { code, stderr } = await suite.slipway(args, { timeoutMs: 300_000 });
    if (fails) assert.match(stderr, new RegExp(fails), stderr);
    else assert.equal(code, 0, stderr);
    return Math.round(performance.now() - startedAt);
  };
  const [upMs, downMs] = [
    await timed(['up', 'whole', '--yes', ...upArgs], upFails),
    await timed(['down', 'whole'], upFails && 'CLUSTER_UNKNOWN'),
  ];
  log(`up takes ${upMs} ms and down ${downMs} ms when nobody kills them`);
  return { upMs, downMs };
};
