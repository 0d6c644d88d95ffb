/** Hosts that only a bastion reaches: of all packets from this computer to them, none arrives. The API is reached over SSH, by slipway and by kubectl. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseKubeconfig } from '../../src/pki/kubeconfig.ts';
import { type SshMachines, startSshMachines } from '../support/sshd.ts';
import { type CliResult, enterSuite, type RunningCli } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename, { kubectl: true });
let machines: SshMachines;
let leftoversBefore: string[];
const address = (index: number): string => (machines.targets[index] ?? '').replace('root@', '');
const bastion = (): string => machines.targets[0] ?? '';
const behind = (): string[] => machines.targets.slice(1).flatMap((target) => ['--host', target]);
/** What leaves this computer for a host behind the bastion is lost without a word. */
const cutOff = async (): Promise<void> => {
  const rule = `ip daddr { ${machines.targets
    .slice(1)
    .map((_, index) => address(index + 1))
    .join(', ')} } drop`;
  const { code, stderr } = await suite.run(['nft', `table inet away { chain out { type filter hook output priority 0; ${rule}; }; }`]);
  assert.equal(code, 0, stderr);
};
const reconnect = (): Promise<CliResult> => suite.run(['nft', 'delete table inet away']);

before(async () => {
  machines = await startSshMachines(join(suite.root, 'sshd'), 4);
  leftoversBefore = await suite.leftovers();
  await cutOff();
});
after(async () => {
  await suite.slipway(['down', 'lab', '--force', '--driver', 'ssh']);
  await reconnect();
  await machines.close();
});

const good = async (result: Promise<CliResult>): Promise<string> => {
  const { code, stdout, stderr } = await result;
  assert.equal(code, 0, stderr);
  return stdout;
};
const entry = () => parseKubeconfig(readFileSync(suite.kubeconfig, 'utf8'), suite.kubeconfig).clusters[0]?.cluster;
const withTunnel = async (work: (tunnel: RunningCli) => Promise<void>, ...more: string[]): Promise<CliResult> => {
  const tunnel = suite.startSlipway(['tunnel', 'lab', ...more]);
  try {
    await until(async () => tunnel.output().includes('Ctrl-C ends it'), { what: 'the tunnel' });
    await work(tunnel);
  } finally {
    tunnel.signal('SIGINT');
  }
  return tunnel.ended;
};

test('without the bastion a host is not reached, which is said', async () => {
  const { code, stderr } = await suite.slipway(['up', 'lab', '--host', machines.targets[1] ?? '', '-i', machines.identityFile]);
  assert.equal(code, 1);
  assert.match(stderr, /HOST_UNREACHABLE/);
});

test('a cluster comes up behind a bastion, and says by which way its API is reached', async () => {
  const behindTwo = behind().slice(0, 4);
  const stdout = await good(
    suite.slipway(['up', 'lab', ...behindTwo, '--jump-host', bastion(), '-i', machines.identityFile, '--demo'], { timeoutMs: 300_000 }),
  );
  assert.match(stdout, new RegExp(`API: https://127\\.0\\.0\\.1:\\d+ by way of root@${address(0)}`));
  assert.match(stdout, /slipway tunnel lab/);
  assert.match(entry()?.server ?? '', /^https:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(entry()?.['tls-server-name'], 'kubernetes');
});

test('commands of slipway work without a tunnel: requests, watches, exec', async () => {
  assert.match(await good(suite.slipway(['get', 'nodes'])), /lab-1 .*Ready[\s\S]*lab-2 .*Ready/);
  assert.match(await good(suite.slipway(['rollout', 'status', 'deployment/demo'])), /successfully rolled out/);
  assert.match(await good(suite.slipway(['exec', 'deployment/demo', '--', 'busybox', 'echo', 'inside'])), /inside/);
  assert.match(await good(suite.slipway(['status', 'lab'])), /: answers/);
});

test('so do jobs: up again changes nothing, a node is added, doctor finds nothing, certificates are renewed', async () => {
  const again = await good(suite.slipway(['up', 'lab', '-o', 'json']));
  assert.match(again, /"type":"result".*"changed":false/);
  await good(
    suite.slipway([
      'node',
      'add',
      '--cluster',
      'lab',
      '--host',
      machines.targets[3] ?? '',
      '--jump-host',
      bastion(),
      '-i',
      machines.identityFile,
    ]),
  );
  assert.match(await good(suite.slipway(['get', 'nodes'])), /lab-3 .*Ready/);
  const { stdout } = await suite.slipway(['doctor', 'lab', '-o', 'json']);
  assert.deepEqual(
    (JSON.parse(stdout) as { about: string; severity: string; problem: string }[]).filter(
      ({ about, severity }) => about.startsWith('cluster') && severity === 'error',
    ),
    [],
  );
  await good(suite.slipway(['certs', 'rotate', 'lab'], { timeoutMs: 300_000 }));
  await good(suite.slipway(['upgrade', 'lab', '--dry-run']));
  await good(suite.slipway(['node', 'remove', 'lab-3', '--cluster', 'lab']));
});

test('kubectl works while slipway tunnel runs, which opens its connection again when that broke', { skip: suite.noKubectl }, async () => {
  const refused = await suite.kubectl(['get', 'nodes']);
  assert.notEqual(refused.code, 0);
  const ended = await withTunnel(async () => {
    assert.match(await good(suite.kubectl(['get', 'nodes'])), /lab-1 .*Ready/);
    // Every session of the bastion ends, as in a restart of its sshd.
    await machines.hosts[0]?.run(['sh', '-c', 'pkill -f "^sshd(-session)?: root"']);
    await until(async () => (await suite.kubectl(['get', 'pods'])).code === 0, { what: 'an answer after the connection broke' });
    assert.match(await good(suite.slipway(['get', 'pods'])), /demo-/);
  });
  assert.equal(ended.code, 0, ended.stderr);
});

test('a port that is taken is told, and another one is remembered by the kubeconfig', async () => {
  const port = Number(new URL(entry()?.server ?? '').port);
  await withTunnel(async () => {
    const second = await suite.slipway(['tunnel', 'lab']);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /ADDRESS_IN_USE[\s\S]*a tunnel to lab is open there already/);
  });
  await withTunnel(
    async () => {
      assert.equal(entry()?.server, `https://127.0.0.1:${port + 1}`);
      await good(suite.slipway(['get', 'nodes']));
    },
    '--port',
    String(port + 1),
  );
});

test('a bastion that is away is named by every command', async () => {
  await machines.powerOff(0);
  try {
    const { code, stderr } = await suite.slipway(['get', 'nodes']);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`HOST_UNREACHABLE[\\s\\S]*${address(0)}`));
  } finally {
    await machines.powerOn(0);
  }
  await good(suite.slipway(['get', 'nodes']));
});

test('an API that is reached directly after all is used so from the next up on; when the way is lost, SSH takes over again', async () => {
  await reconnect();
  await good(suite.slipway(['up', 'lab']));
  assert.equal(entry()?.server, `https://${address(1)}:6443`);
  await good(suite.slipway(['get', 'nodes']));
  await cutOff();
  await good(suite.slipway(['get', 'nodes']));
  assert.match(entry()?.server ?? '', /^https:\/\/127\.0\.0\.1:/);
});

test('down leaves nothing', async () => {
  await good(suite.slipway(['down', 'lab']));
  for (const host of machines.hosts)
    assert.equal(
      (await host.run(['sh', '-c', 'ls -d /etc/slipway/node.json /usr/local/lib/slipway/* 2>/dev/null'], { check: false })).stdout,
      '',
    );
  assert.equal(entry(), undefined);
  await reconnect();
  assert.deepEqual((await suite.leftovers()).sort(), leftoversBefore.sort());
});
