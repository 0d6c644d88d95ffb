/**
 * `npm run test:ssh`: hosts as they are found: without sudo, full, switched off, of somebody else. Real sshd, real sudo, real apt. Not among the tests of
 * `npm test` for its three minutes, of which apt takes one until it gives a mirror up.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Host } from '../../src/hosts/host.ts';
import { type SshMachines, startSshMachines } from '../support/sshd.ts';
import { type CliResult, enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
let machines: SshMachines;
/** ~ of the one who types, with nothing in it but what a test puts there. */
const home = join(suite.root, 'user');
const passwordFile = join(suite.root, 'password');
before(async () => {
  mkdirSync(join(home, '.ssh'), { recursive: true });
  machines = await startSshMachines(join(suite.root, 'sshd'), 3);
});
after(() => machines.close());
afterEach(async () => {
  for (const name of ['lab', 'other']) await suite.slipway(['down', name, '--force', '--driver', 'ssh']);
});

const address = (index: number): string => (machines.targets[index] ?? '').replace('root@', '');
const slipway = (args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> =>
  suite.slipway(args, { env: { HOME: home, ...env } });
const up = (name: string, targets: readonly string[], ...more: string[]): Promise<CliResult> =>
  slipway(['up', name, ...targets.flatMap((target) => ['--host', target]), '-i', machines.identityFile, '--kubeconfig=false', ...more]);
const reset = (target: string, ...more: string[]): Promise<CliResult> =>
  slipway(['node', 'reset', target, '-i', machines.identityFile, ...more]);
const shell = async (index: number, script: string): Promise<string> =>
  (await (machines.hosts[index] as Host).run(['sh', '-c', script], { check: false })).stdout.trim();
const OURS =
  'ls -d /etc/slipway/* /usr/local/lib/slipway/* /var/lib/slipway/* /var/lib/kubelet/* 2>/dev/null | grep -v /etc/slipway/services';

describe('before anything is laid down', () => {
  afterEach(async () => {
    for (const index of machines.hosts.keys()) assert.equal(await shell(index, OURS), '', `left on host ${index + 1}`);
  });

  test('every host that does not answer is named', async () => {
    const result = await up('lab', [machines.targets[0] ?? '', 'root@203.0.113.7', 'root@203.0.113.8']);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /HOST_UNREACHABLE/);
    assert.match(result.stderr, /connect to 203\.0\.113\.7: /);
    assert.match(result.stderr, /connect to 203\.0\.113\.8: /);
  });

  test('a disk that is too small is named with its folder and what is free', async () => {
    await machines.mountSmall(1, '/usr/local/lib/slipway', '20m');
    await machines.mountSmall(2, '/var/lib/slipway', '30m');
    try {
      const result = await up('lab', machines.targets);
      assert.equal(result.code, 1);
      assert.match(result.stderr, /DISK_FULL/);
      assert.match(result.stderr, /20 MiB are free in \/usr\/local\/lib\/slipway, and \d+ are needed/);
      assert.match(result.stderr, /30 MiB are free in \/var\/lib\/slipway, and \d+ are needed/);
    } finally {
      await shell(1, 'umount /usr/local/lib/slipway');
      await shell(2, 'umount /var/lib/slipway');
    }
  });

  test('a port that is taken is told with the program that has it', async () => {
    await shell(
      1,
      'setsid busybox nc -l -p 6443 -e true < /dev/null > /dev/null 2>&1 & until ss -Hltn | grep -q :6443; do sleep 0.05; done',
    );
    try {
      const result = await up('lab', [machines.targets[1] ?? '']);
      assert.equal(result.code, 1);
      assert.match(result.stderr, /ADDRESS_IN_USE/);
      assert.match(result.stderr, /: busybox \(\S*busybox\) listens on its port 6443\/tcp, which the API server needs/);
      assert.match(result.stderr, /ss -ltnp 'sport = :6443' {3}# on lab-1 /);
    } finally {
      await shell(1, 'kill $(ss -Hltnp "sport = :6443" | grep -o "pid=[0-9]*" | cut -d= -f2)');
    }
  });

  test('a package mirror that is away is said with the host, its lines and what mends it', async () => {
    // A host without conntrack, whose package lists are its own.
    await shell(1, MISSING_PACKAGE);
    try {
      const refused = await up('lab', machines.targets.slice(0, 2));
      assert.match(
        refused.stderr,
        /PACKAGES_MISSING[\s\S]*cannot use lab-2 [\s\S]*it lacks conntrack[\s\S]*apt-get install conntrack {3}# on lab-2/,
      );
      const result = await up('lab', machines.targets.slice(0, 2), '--yes');
      assert.equal(result.code, 1);
      assert.match(result.stderr, /PACKAGE_MIRROR_AWAY/);
      assert.match(result.stderr, /install conntrack on lab-2 \(root@/);
      assert.match(result.stderr, /^\s*\| (Err:|E: |W: )/m, 'lines of apt, those about mirrors first');
      assert.match(result.stderr, /apt-get update {3}# on lab-2/);
    } finally {
      await shell(
        1,
        'for at in $(awk \'$2 ~ "^(/usr/sbin/conntrack|/var/lib/dpkg/status|/var/lib/apt|/var/cache/apt)" { print $2 }\' /proc/mounts); do umount "$at"; done',
      );
    }
  });
});

const MISSING_PACKAGE = `set -e; at=/var/tmp/apt; mkdir -p $at
awk 'BEGIN { RS = ""; ORS = "\\n\\n" } !/^Package: conntrack\\n/' /var/lib/dpkg/status > $at/status
mount --bind $at/status /var/lib/dpkg/status; mount --bind /dev/null /usr/sbin/conntrack
for folder in /var/lib/apt /var/cache/apt; do mount -t tmpfs tmpfs $folder; done`;

describe('users without root', () => {
  const dev = (): string => `dev@${address(0)}`;
  const user = async (sudoers: string): Promise<void> => {
    await machines.reboot(0);
    await until(async () => (await reset(machines.targets[0] ?? '')).code === 0, { withinMs: 30_000, what: 'sshd is back' });
    await machines.addUser(0, { password: 'a "secret" $word', sudoers });
  };

  test('sudo without a password needs nothing', async () => {
    await user('dev ALL=(ALL) NOPASSWD: ALL');
    const result = await reset(dev());
    assert.equal(result.code, 0, result.stderr);
  });

  test('sudo with a password takes it from a private file, and it shows nowhere', async () => {
    await user('dev ALL=(ALL) ALL');
    const none = await reset(dev());
    assert.match(none.stderr, /SUDO_REFUSED[\s\S]*asks for a password[\s\S]*--ask-sudo-password/);
    const withFile = (): Promise<CliResult> =>
      slipway(['node', 'reset', dev(), '-i', machines.identityFile], { SLIPWAY_SUDO_PASSWORD_FILE: passwordFile });
    writeFileSync(passwordFile, 'wrong\n', { mode: 0o600 });
    assert.match((await withFile()).stderr, /SUDO_REFUSED[\s\S]*took neither the user nor the password/);
    writeFileSync(passwordFile, 'a "secret" $word\n', { mode: 0o600 });
    const good = await withFile();
    assert.equal(good.code, 0, good.stderr);
    await suite.run(['chmod', '644', passwordFile]);
    const open = await withFile();
    assert.match(open.stderr, /SUDO_REFUSED[\s\S]*others may read it \(mode 644\)[\s\S]*chmod 600/);
    await suite.run(['chmod', '600', passwordFile]);
    const result = await slipway(['up', 'lab', '--host', dev(), '-i', machines.identityFile, '--kubeconfig=false', '-o', 'json'], {
      SLIPWAY_SUDO_PASSWORD_FILE: passwordFile,
    });
    assert.equal(result.code, 0, result.stderr);
    assert.ok(!`${result.stdout}${result.stderr}`.includes('secret'));
    assert.equal((await suite.run(['grep', '-rl', 'secret', suite.home])).stdout, '', 'in no file of the state');
    const down = await slipway(['down', 'lab'], { SLIPWAY_SUDO_PASSWORD_FILE: passwordFile });
    assert.equal(down.code, 0, down.stderr);
  });
});

test('names, users, keys and hosts on the way come from ~/.ssh/config', async () => {
  writeFileSync(
    join(home, '.ssh', 'config'),
    `Host inner\n  HostName ${address(2)}\n  ProxyJump gate,root@${address(1)}\nHost gate\n  HostName ${address(0)}\nHost *\n  User root\n  IdentityFile ${machines.identityFile}\n`,
  );
  try {
    const result = await slipway(['node', 'reset', 'inner']);
    assert.equal(result.code, 0, result.stderr);
    // Each host was logged in to by the one before it.
    for (const index of [1, 2]) {
      const lines = await machines.sshdLog(index);
      assert.ok(
        lines.some((line) => line.includes(`Accepted publickey for root from ${address(index - 1)} `)),
        `host ${index + 1} was not reached from host ${index}: ${lines.slice(-5).join('\n')}`,
      );
    }
  } finally {
    writeFileSync(join(home, '.ssh', 'config'), '');
  }
});

describe('clusters', () => {
  test('a host that reboots in the middle is waited for', async () => {
    const cli = suite.startSlipway(
      ['up', 'lab', ...machines.targets.slice(0, 2).flatMap((target) => ['--host', target]), '-i', machines.identityFile, '-o', 'json'],
      { env: { HOME: home }, timeoutMs: 240_000 },
    );
    await until(() => cli.output().includes('"type":"step-started","step":"programs"'), {
      withinMs: 60_000,
      what: 'programs are laid down',
    });
    await machines.reboot(1);
    const result = await cli.ended;
    assert.equal(result.code, 0, result.stderr);
  });

  test('a host of another cluster is not taken, unless it is said so; reset gives it back', async () => {
    const [first = '', second = ''] = machines.targets;
    const made = await up('other', [second]);
    assert.equal(made.code, 0, made.stderr);
    const before = await shell(1, OTHER);
    const refused = await up('lab', [first, second]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /HOST_TAKEN[\s\S]*it is other-1 of the cluster other/);
    assert.equal(await shell(1, OTHER), before);
    assert.match((await reset(second)).stderr, /HOST_TAKEN[\s\S]*slipway node remove other-1/);

    const taken = await up('lab', [second], '--force');
    assert.equal(taken.code, 0, taken.stderr);
    assert.match(await shell(1, 'cat /etc/slipway/node.json'), /"cluster":"lab"/);

    // The state is lost: the host is given back all the same, and a second time there is nothing to do.
    await suite.run(['rm', '-rf', join(suite.home, 'clusters', 'lab')]);
    const gone = await reset(second);
    assert.match(gone.stdout, /is no node of lab any more \(it was lab-1\)/, gone.stderr);
    assert.equal(await shell(1, OURS), '');
    assert.match((await reset(second)).stdout, /was no node/);
  });

  test('what an owner has on the host stays, and pods travel in VXLAN where the network drops their packets', async () => {
    for (const index of [0, 1]) await shell(index, OWNER);
    const owned = await shell(1, OWNED);
    const result = await up('lab', machines.targets.slice(0, 2), '--demo');
    assert.equal(result.code, 0, result.stderr);
    assert.match(await shell(1, 'cat /etc/slipway/agent.json'), /"overlay": "vxlan"/);
    await reachOverNodes();
    const removed = await slipway(['down', 'lab']);
    assert.equal(removed.code, 0, removed.stderr);
    assert.equal(await shell(1, OWNED), owned);
    for (const index of [0, 1]) {
      assert.equal(
        await shell(
          index,
          `${OURS}; ip route | grep 10.244; ip -brief address show lo | grep -o 10.96.0.10; ip -brief link show type vxlan`,
        ),
        '',
      );
      await shell(
        index,
        'kill $(pgrep -f "^containerd --root /var/lib/containerd"); nft delete table inet owner; rm -rf /etc/cni/net.d/99-owner.conflist',
      );
    }
  });

  test('on one network pods are routed; a node that comes later touches only itself', async () => {
    const result = await up('lab', machines.targets.slice(0, 2), '--demo');
    assert.equal(result.code, 0, result.stderr);
    assert.match(await shell(1, 'cat /etc/slipway/agent.json'), /"overlay": "routes"/);
    await reachOverNodes();
    const before = await Promise.all([0, 1].map((index) => shell(index, TOUCHED)));
    const added = await slipway(['node', 'add', '--cluster', 'lab', '--host', machines.targets[2] ?? '']);
    assert.equal(added.code, 0, added.stderr);
    assert.deepEqual(await Promise.all([0, 1].map((index) => shell(index, TOUCHED))), before);
    assert.match(added.stdout, /Cluster lab has 3 nodes/);
  });
});

/** A containerd, a CNI network and a table of the owner's; the table drops what comes from or goes to pods, as networks of clouds do. */
const OWNER = `mkdir -p /etc/cni/net.d /run/containerd; echo '{"cniVersion":"1.0.0","name":"owner","plugins":[{"type":"ptp"}]}' > /etc/cni/net.d/99-owner.conflist
nft 'table inet owner { chain in { type filter hook prerouting priority -300; iifname "eth0" ip daddr 10.244.0.0/16 drop; iifname "eth0" ip saddr 10.244.0.0/16 drop; }; }'
setsid containerd --root /var/lib/containerd --state /run/containerd --address /run/containerd/containerd.sock > /var/tmp/owner.log 2>&1 < /dev/null &
tries=0; until ctr namespaces create owner 2> /dev/null || [ $tries -gt 100 ]; do tries=$((tries + 1)); sleep 0.1; done`;
const OWNED =
  'nft list table inet owner; cat /etc/cni/net.d/99-owner.conflist; ctr namespaces list -q; pgrep -f "^containerd --root /var/lib/containerd"';
/** Brackets: the shell that looks has the pattern in its own command line. The 22nd field is when a process began. */
const RUNNING =
  'for pid in $(pgrep -f "[s]lipway-agent|[s]lipway-server|[s]lipway/containerd.toml"); do cut -d" " -f1,22 /proc/$pid/stat; done';
const OTHER = `cat /etc/slipway/node.json; ${RUNNING}`;
const TOUCHED = `find /etc/slipway /usr/local/lib/slipway -type f -exec stat -c "%n %i %Y %Z" {} + | sort; ${RUNNING}`;

/** From a pod of each node to one of the other. */
const reachOverNodes = async (): Promise<void> => {
  const env = { KUBECONFIG: join(suite.home, 'clusters', 'lab', 'kubeconfig') };
  const list = await slipway(['get', 'pods', '-A', '-l', 'app=demo', '-o', 'json'], env);
  const pods = (
    JSON.parse(list.stdout) as { items: { metadata: { name: string }; spec: { nodeName: string }; status: { podIP: string } }[] }
  ).items;
  const [one, other] = ['lab-1', 'lab-2'].map((node) => pods.find((pod) => pod.spec.nodeName === node));
  assert.ok(one && other, `the demo has a pod on each node: ${list.stdout.slice(0, 300)}`);
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    // Without -T: Debian 12's static busybox crashes at it.
    const fetched = await suite.slipway(['exec', from.metadata.name, '--', 'wget', '-qO-', `http://${to.status.podIP}:8080/`], {
      env: { HOME: home, ...env },
      timeoutMs: 20_000,
    });
    assert.equal(fetched.code, 0, `${from.metadata.name} to ${to.metadata.name}: ${fetched.stderr}`);
  }
};
