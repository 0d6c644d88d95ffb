/** Steps of `up` that fail on a real node: each says the step, the reason, what the program logged, and what to type; soon, and nothing is left. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, test } from 'node:test';
import { enterSuite, type RunningCli } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const NAME = 'fault';
const SOON_MS = 20_000;
const node = join(suite.data, `clusters/${NAME}/nodes/${NAME}-1`);
const undo: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0)) await step();
  await suite.slipway(['down', NAME, '--force']);
});

interface Row {
  what: string;
  /** Before `up`. */
  prepare?(): Promise<void>;
  /** When this step has ended, and with all of `up` standing still. */
  after: string;
  provoke(): Promise<void>;
  code: string;
  /** Its title and its stable name. */
  step: RegExp;
  /** In this order. */
  says: RegExp;
}

/** A file where a program wants a folder. */
const fileAt = async (path: string): Promise<void> => {
  mkdirSync(dirname(join(node, 'root', path)), { recursive: true });
  writeFileSync(join(node, 'root', path), '');
};

const takePort = async (port: number): Promise<void> => {
  const script = `require('net').createServer().listen(${port}, '0.0.0.0', () => console.log('listens'))`;
  const pid = readFileSync(join(node, 'init.pid'), 'utf8');
  const other = suite.start(['nsenter', '--target', pid, '--net', process.execPath, '-e', script]);
  undo.push(async () => {
    other.signal('SIGKILL');
    await other.ended;
  });
  await until(() => other.output().includes('listens'));
};

const ROWS: Row[] = [
  {
    what: 'containerd dies at its start',
    after: 'Making machines',
    provoke: () => fileAt('/var/lib/slipway/containerd'),
    code: 'STEP_FAILED',
    step: /Loading images"? \(images\)/,
    says: /its service ends again and again[\s\S]*\/var\/lib\/slipway\/containerd: not a directory[\s\S]*slipway up fault --keep[\s\S]*slipway logs-of fault-1 slipway-containerd/,
  },
  {
    what: 'the server cannot open its store',
    after: 'Making machines',
    provoke: () => fileAt('/var/lib/slipway/store'),
    code: 'STEP_FAILED',
    step: /Waiting for the API"? \(api-ready\)/,
    says: /its service ends again and again[\s\S]*\/var\/lib\/slipway\/store[\s\S]*slipway up fault --keep[\s\S]*slipway logs-of fault-1 slipway-server/,
  },
  {
    what: 'another program has the port of the API',
    after: 'Checking hosts',
    provoke: () => takePort(6443),
    code: 'STEP_FAILED',
    step: /Waiting for the API"? \(api-ready\)/,
    says: /its service ends again and again[\s\S]*cannot listen on \S+6443: another program listens there[\s\S]*slipway logs-of fault-1 slipway-server/,
  },
  {
    what: 'another program has the port of the agent, which dies at its start',
    after: 'Checking hosts',
    provoke: () => takePort(10250),
    code: 'STEP_FAILED',
    step: /Waiting for the nodes"? \(nodes-ready\)/,
    says: /its service ends again and again[\s\S]*cannot listen on port 10250: another program listens there[\s\S]*slipway logs-of fault-1 slipway-agent/,
  },
  {
    what: 'the disk becomes full while programs are laid down',
    prepare: async () => {
      await suite.run(['mkdir', '-p', suite.data]);
      await suite.run(['mount', '-t', 'tmpfs', '-o', 'size=2g', 'tmpfs', suite.data]);
      undo.push(async () => {
        await suite.slipway(['down', NAME, '--force']);
        await suite.run(['umount', suite.data]);
      });
    },
    after: 'Checking hosts',
    provoke: async () => {
      const used = Number((await suite.run(['df', '--output=used', suite.data])).stdout.trim().split('\n')[1]);
      const shrunk = await suite.run(['mount', '-o', `remount,size=${used + 1024}k`, suite.data]);
      assert.equal(shrunk.code, 0, shrunk.stderr);
    },
    code: 'DISK_FULL',
    step: /Laying down programs"? \(programs\)/,
    says: /cannot write \/usr\/local\/lib\/slipway\/\S+ on fault-1[\s\S]*is full \(ENOSPC\)[\s\S]*df -h/,
  },
];

for (const row of ROWS)
  test(row.what, async () => {
    await row.prepare?.();
    const startedAt = Date.now();
    const cli = suite.startSlipway(['up', NAME, '--yes', '--nodes', '1']);
    await standStill(cli, row.after);
    try {
      await row.provoke();
    } finally {
      cli.signal('SIGCONT');
    }
    const { code, stdout, stderr } = await cli.ended;
    const took = Date.now() - startedAt;
    assert.equal(code, 1, stdout);
    assert.ok(stderr.includes(`(${row.code})`), stderr);
    assert.match(stderr, row.step);
    assert.match(stderr, row.says);
    assert.ok(took < SOON_MS, `it took ${took} ms`);
    await suite.slipway(['down', NAME, '--force']);
    for (const step of undo.splice(0)) await step();
    assert.deepEqual(await suite.leftovers(), []);
  });

test('what cannot be taken back stays known: down removes it', async () => {
  const hold = join(node, 'hold');
  const file = join(suite.root, 'hold.yaml');
  const afterUp = `mkdir ${hold} && mount -t tmpfs hold ${hold} && echo no more && exit 3`;
  const spec = { driver: 'local', pools: [{ name: 'main', count: 1 }], hooks: { afterUp: [afterUp] } };
  writeFileSync(file, JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Cluster', metadata: { name: NAME }, spec }));
  undo.push(() => suite.run(['umount', hold]));
  const { code, stderr } = await suite.slipway(['up', '-f', file]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /warning: taking back "Making machines" failed: [\s\S]*busy[\s\S]*no more[\s\S]*slipway down fault +# removes what could not be taken back/,
  );
  assert.equal((await suite.slipway(['down', NAME])).code, 1, 'it is still held');
  assert.equal((await suite.run(['umount', hold])).code, 0);
  const { stdout } = await suite.slipway(['down', NAME]);
  assert.match(stdout, /Cluster fault is removed/);
  assert.deepEqual(await suite.leftovers(), []);
});

const standStill = async (cli: RunningCli, step: string): Promise<void> => {
  await until(() => cli.output().includes(`ok      ${step}`), { withinMs: 60_000, what: `${step} has ended` });
  cli.signal('SIGSTOP');
};
