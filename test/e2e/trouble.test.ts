/** An `up` that fails or is interrupted: rolled back, or kept and gone on with; never half a cluster that nobody knows of. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { enterSuite, type RunningCli } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const clusters = (): string[] => (existsSync(join(suite.home, 'clusters')) ? readdirSync(join(suite.home, 'clusters')) : []);
const nothingLeft = async (): Promise<void> => {
  assert.deepEqual(await suite.leftovers(), []);
  assert.deepEqual(clusters(), []);
};
const begun = (cli: RunningCli, step: string): Promise<void> =>
  until(() => cli.output().includes(`"type":"step-started","step":"${step}"`), { withinMs: 60_000, what: `${step} has begun` });

afterEach(async () => {
  for (const name of ['fails', 'cut', 'killed', 'two']) await suite.slipway(['down', name, '--force']);
});

/** A directory where the API server's data file should be: it cannot start, for a reason that stands in its log. */
const breakStore = (cluster: string): Promise<unknown> =>
  until(async () => {
    const folder = join(suite.data, `clusters/${cluster}/nodes/${cluster}-1/root/var/lib/slipway`);
    if (!existsSync(folder)) return false;
    return (await suite.run(['sh', '-c', `rm -rf ${folder}/store && touch ${folder}/store`])).code === 0;
  });

test('a failed up is rolled back, and names the step, the reason, the log and the next command', async () => {
  const cli = suite.startSlipway(['up', 'fails', '--yes', '--nodes', '1'], { env: { SLIPWAY_API_TIMEOUT_MS: '6000' } });
  await breakStore('fails');
  const result = await cli.ended;
  assert.equal(result.code, 1, result.stderr);
  assert.match(result.stderr, /STEP_FAILED/);
  assert.match(result.stderr, /Waiting for the API/);
  assert.match(result.stderr, /slipway up fails --keep/);
  await nothingLeft();
});

test('with --keep it is left, and down removes it', async () => {
  const cli = suite.startSlipway(['up', 'fails', '--yes', '--nodes', '1', '--keep'], { env: { SLIPWAY_API_TIMEOUT_MS: '6000' } });
  await breakStore('fails');
  const result = await cli.ended;
  assert.equal(result.code, 1, result.stderr);
  assert.match(result.stderr, /slipway down fails/);
  assert.deepEqual(clusters(), ['fails']);
  assert.match((await suite.slipway(['logs-of', 'fails-1', 'slipway-server', '--cluster', 'fails'])).stdout, /store/);
  assert.equal((await suite.slipway(['down', 'fails'])).code, 0);
  await nothingLeft();
});

for (const step of ['machines', 'programs', 'api-ready', 'nodes-ready'])
  test(`Ctrl-C while "${step}" runs leaves nothing`, async () => {
    const cli = suite.startSlipway(['up', 'cut', '--yes', '-o', 'json']);
    await begun(cli, step);
    cli.signal('SIGINT');
    const result = await cli.ended;
    assert.ok(result.code === 130 || result.code === 1, `exit code ${result.code}: ${result.stderr}`);
    assert.match(result.stderr, /INTERRUPTED|stopping/);
    await nothingLeft();
  });

test('after kill -9 in the middle, up goes on', async () => {
  const cli = suite.startSlipway(['up', 'killed', '--yes', '-o', 'json']);
  await begun(cli, 'container-runtime');
  cli.signal('SIGKILL');
  await cli.ended;
  assert.match((await suite.slipway(['doctor'])).stdout, /was interrupted[\s\S]*slipway up killed/);
  const again = await suite.slipway(['up', 'killed', '--yes']);
  assert.equal(again.code, 0, again.stderr);
  assert.equal((await suite.slipway(['down', 'killed'])).code, 0);
  await nothingLeft();
});

test('after kill -9 in the middle, down removes everything', async () => {
  const cli = suite.startSlipway(['up', 'killed', '--yes', '-o', 'json']);
  await begun(cli, 'programs');
  cli.signal('SIGKILL');
  await cli.ended;
  const result = await suite.slipway(['down', 'killed']);
  assert.equal(result.code, 0, result.stderr);
  await nothingLeft();
});

test('two commands on one cluster at once: the second is refused by name', async () => {
  const first = suite.startSlipway(['up', 'two', '--yes', '-o', 'json']);
  await begun(first, 'machines');
  const second = await suite.slipway(['up', 'two', '--yes']);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`STATE_LOCKED[\\s\\S]*process ${first.pid}`));
  assert.equal((await first.ended).code, 0);
});

test('a full disk under the state is told, taken back, and down works on it', async () => {
  const home = join(suite.root, 'small');
  const env = { SLIPWAY_HOME: home, KUBECONFIG: join(suite.root, 'small-kubeconfig') };
  await suite.run(['mkdir', home]);
  await suite.run(['mount', '-t', 'tmpfs', '-o', 'size=200k', 'tmpfs', home]);
  try {
    const fill = (kib: number) => suite.run(['dd', 'if=/dev/zero', `of=${home}/filler`, 'bs=1k', `count=${kib}`]);
    await fill(180);
    const up = await suite.slipway(['up', 'cut', '--yes', '--nodes', '1'], { env });
    assert.equal(up.code, 1);
    assert.match(up.stderr, /STATE_UNWRITABLE[\s\S]*the disk is full \(ENOSPC\)[\s\S]*df -h/);
    await nothingLeft();
    await suite.run(['rm', `${home}/filler`]);
    assert.equal((await suite.slipway(['up', 'cut', '--yes', '--nodes', '1'], { env })).code, 0);
    await fill(200);
    const down = await suite.slipway(['down', 'cut'], { env });
    assert.equal(down.code, 0, down.stderr);
    await nothingLeft();
  } finally {
    await suite.slipway(['down', 'cut', '--force'], { env });
    await suite.run(['umount', home]);
  }
});

test('a state folder of another user is told, with what mends it', async () => {
  const home = join(suite.root, 'theirs');
  await suite.run(['mkdir', '-m', '755', home]);
  await suite.run(['chmod', '711', suite.root]);
  const result = await suite.slipwayAsNobody(['up', 'cut', '--host', 'root@192.0.2.1'], {
    env: { SLIPWAY_HOME: home, HOME: home, KUBECONFIG: join(home, 'config') },
  });
  assert.equal(result.code, 1);
  assert.match(result.stderr, /STATE_UNWRITABLE[\s\S]*this user may not write there[\s\S]*SLIPWAY_HOME=/);
  assert.deepEqual(clusters(), []);
});
