/** Upgrades in trouble: killed at every stage and gone on with or taken back, an agent that does not work, snapshots that fail, the store put back. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type BuiltVersion, buildVersion } from '../support/build-version.ts';
import { deploymentManifest, untilReady } from '../support/demo-cluster.ts';
import { type CliResult, enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const old = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')).version as string;
const NEW = '9.0.0';
const BROKEN_AGENT = '9.0.1-agent';
const NODES = 3;
/** On the control plane, and on one of the other nodes. */
const onServer = (path: string): string => join(suite.data, 'clusters/rise/nodes/rise-1/root', path);
const onWorker = (path: string): string => join(suite.data, 'clusters/rise/nodes/rise-2/root', path);
const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '');

let newer: BuiltVersion;
let brokenAgent: BuiltVersion;

const slipway = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}${result.stdout}`);
  return result.stdout;
};
const succeeds = async (running: Promise<CliResult>): Promise<CliResult> => {
  const result = await running;
  assert.equal(result.code, 0, result.stderr);
  return result;
};
const note = (name: string): Promise<string> => slipway('create', 'configmap', name, '--from-literal=a=b');
const notes = async (): Promise<string[]> =>
  (await slipway('get', 'configmaps', '-o', 'name')).split('\n').flatMap((line) => /\/(note-\S+)$/.exec(line)?.[1] ?? []);

/** Everything is of one version, nodes take pods, nothing is unfinished, and the cluster works: a write, and pods that are made anew. */
const isWhole = async (version: string): Promise<void> => {
  const listed = JSON.parse(await slipway('node', 'list', '-o', 'json')) as { version?: string }[];
  assert.deepEqual(
    listed.map((node) => node.version),
    Array.from({ length: NODES }, () => version),
  );
  const nodes = await slipway('get', 'nodes');
  assert.doesNotMatch(nodes, /SchedulingDisabled|NotReady/);
  assert.equal('upgrade' in JSON.parse(readFileSync(join(suite.home, 'clusters/rise/state.json'), 'utf8')), false);
  await slipway('delete', 'pods', '-l', 'app=web', '--wait=false');
  await untilReady(suite, 'app=web', 2);
  const up = version === old ? await suite.slipway(['up', 'rise']) : await newer.run('up', 'rise');
  assert.match(up.stdout, /is unchanged/, up.stderr);
};

/** Starts it, and ends it with SIGKILL as soon as `when` holds. */
const killed = async (args: readonly string[], when: () => unknown, what: string): Promise<void> => {
  const cli = newer.start(...args);
  try {
    await until(when, { withinMs: 90_000, what });
  } catch (error) {
    cli.signal('SIGKILL');
    throw new Error(`${what}: ${(await cli.ended).stderr}`, { cause: error });
  }
  cli.signal('SIGKILL');
  const { code } = await cli.ended;
  assert.equal(code, null, 'it was killed before its end');
  const refused = await suite.slipway(['up', 'rise']);
  assert.match(refused.stderr, /VERSION_SKEW[\s\S]*has not ended[\s\S]*slipway upgrade rise\n[\s\S]*slipway upgrade rise --rollback/);
};

before(async () => {
  newer = await buildVersion(suite, NEW);
  brokenAgent = await buildVersion(suite, BROKEN_AGENT, (folder) =>
    writeFileSync(join(folder, 'src/runtime/slipway-agent.ts'), "console.error('agent is spoiled');\nprocess.exit(1);\n"),
  );
  await slipway('up', 'rise', '--nodes', String(NODES), '--yes');
  writeFileSync(join(suite.root, 'web.yaml'), deploymentManifest('web', { replicas: 2 }));
  await slipway('apply', '-f', join(suite.root, 'web.yaml'));
  await untilReady(suite, 'app=web', 2);
});
after(async () => {
  await suite.slipway(['down', 'rise', '--force']);
});

test('killed before it has kept anything, it is taken back', async () => {
  const begun = (): boolean => textOf(join(suite.home, 'clusters/rise/state.json')).includes('"upgrade"');
  await killed(['upgrade', 'rise'], begun, 'the upgrade is in the state');
  assert.match(
    (await suite.slipway(['doctor'])).stdout,
    new RegExp(`upgrade from ${old} to ${NEW} has not ended[\\s\\S]*slipway upgrade rise`),
  );
  await succeeds(newer.run('upgrade', 'rise', '--rollback'));
  await isWhole(old);
});

test('killed with the server stopped and its snapshot made, it is taken back, with all that was written', async () => {
  await note('note-1');
  const known = textOf(onServer('/var/lib/slipway/snapshots/last.json'));
  const taken = (): boolean => ![known, ''].includes(textOf(onServer('/var/lib/slipway/snapshots/last.json')));
  await killed(['upgrade', 'rise'], taken, 'the snapshot is made');
  await succeeds(newer.run('upgrade', 'rise', '--rollback'));
  await isWhole(old);
  assert.deepEqual(await notes(), ['note-1']);
});

test('killed at the same point, it goes on', async () => {
  const known = textOf(onServer('/var/lib/slipway/snapshots/last.json'));
  const taken = (): boolean => ![known, ''].includes(textOf(onServer('/var/lib/slipway/snapshots/last.json')));
  await killed(['upgrade', 'rise'], taken, 'the snapshot is made');
  await succeeds(newer.run('upgrade', 'rise'));
  await isWhole(NEW);
});

test('a roll-back that is killed when files are back and the agent still runs the other is called again', async () => {
  const back = (): boolean => textOf(onWorker('/usr/local/lib/slipway/version')) === old;
  await killed(['upgrade', 'rise', '--rollback'], back, 'the files of the worker are back');
  await succeeds(newer.run('upgrade', 'rise', '--rollback'));
  await isWhole(old);
});

test('killed while a node is drained, it goes on, and the node takes pods again', async () => {
  const cordoned = async (): Promise<boolean> => /SchedulingDisabled/.test((await suite.slipway(['get', 'nodes'])).stdout);
  await killed(['upgrade', 'rise'], cordoned, 'a node is cordoned');
  await succeeds(newer.run('upgrade', 'rise'));
  await isWhole(NEW);
  await succeeds(newer.run('upgrade', 'rise', '--rollback'));
  await isWhole(old);
});

test('killed when all is new but a node is still cordoned, it goes on by taking pods there again', async () => {
  const state = (): { upgrade?: { cordoned: string[] } } => JSON.parse(textOf(join(suite.home, 'clusters/rise/state.json')));
  const last = async (): Promise<boolean> => {
    const { stdout } = await suite.slipway(['node', 'list', '-o', 'json']);
    const versions = (JSON.parse(stdout || '[]') as { version?: string }[]).map((node) => node.version);
    return versions.length === NODES && versions.every((version) => version === NEW) && Boolean(state().upgrade?.cordoned.length);
  };
  await killed(['upgrade', 'rise'], last, 'all are new, and one is cordoned');
  await succeeds(newer.run('upgrade', 'rise'));
  await isWhole(NEW);
});

test('--restore-store with a damaged snapshot is refused before anything is stopped', async () => {
  await note('note-2');
  const { path } = JSON.parse(textOf(onServer('/var/lib/slipway/snapshots/last.json'))) as { path: string };
  const whole = readFileSync(onServer(path));
  const damaged = Buffer.from(whole).fill(0x5a, 4096, Math.min(whole.length, 65_536));
  writeFileSync(onServer(path), damaged);
  const refused = await newer.run('upgrade', 'rise', '--rollback', '--restore-store');
  assert.equal(refused.code, 1, refused.stdout);
  assert.match(refused.stderr, /STORE_CORRUPT[\s\S]*damaged or gone; nothing was changed[\s\S]*try: slipway upgrade --rollback/);
  rmSync(onServer(path));
  assert.match((await newer.run('upgrade', 'rise', '--rollback', '--restore-store')).stderr, /STORE_CORRUPT[\s\S]*damaged or gone/);
  writeFileSync(onServer(path), whole, { mode: 0o600 });
  await isWhole(NEW);
  assert.deepEqual(await notes(), ['note-1', 'note-2']);
});

test('--rollback --restore-store brings version and store of before, and the cluster goes on from there', async () => {
  const done = await succeeds(newer.run('upgrade', 'rise', '--rollback', '--restore-store'));
  assert.match(done.stderr, /The store is as it was before the upgrade/);
  assert.deepEqual(await notes(), ['note-1']);
  await isWhole(old);
});

test('a snapshot that cannot be made ends the upgrade, and the server runs as before', async () => {
  const folder = onServer('/var/lib/slipway/snapshots');
  rmSync(folder, { recursive: true });
  // Where the copy is to be written.
  mkdirSync(join(folder, `before-${NEW}.db.part`), { recursive: true });
  try {
    const failed = await newer.run('upgrade', 'rise');
    assert.equal(failed.code, 1, failed.stdout);
    assert.match(failed.stderr, new RegExp(`UPGRADE_FAILED[\\s\\S]*take a snapshot[\\s\\S]*everything was put back, and ${old} runs`));
    assert.match(failed.stderr, /EISDIR/, 'what the copying said');
  } finally {
    rmSync(folder, { recursive: true });
  }
  await isWhole(old);
  const refused = await newer.run('upgrade', 'rise', '--rollback', '--restore-store');
  assert.match(refused.stderr, /STORE_CORRUPT[\s\S]*it has no snapshot/);
  await isWhole(old);
});

test('a version whose agent does not run is taken back by itself, server and all', async () => {
  const startedAt = Date.now();
  const failed = await brokenAgent.run('upgrade', 'rise');
  assert.equal(failed.code, 1, failed.stdout);
  assert.match(
    failed.stderr,
    new RegExp(`UPGRADE_FAILED[\\s\\S]*Upgrading rise-2 failed[\\s\\S]*ends again and again[\\s\\S]*${old} runs`),
  );
  assert.match(failed.stderr, /agent is spoiled[\s\S]*slipway logs-of rise-2 slipway-agent/);
  assert.ok(Date.now() - startedAt < 90_000);
  await isWhole(old);
  assert.deepEqual(await notes(), ['note-1']);
});
