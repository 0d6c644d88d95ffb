/** What `slipway doctor` finds on real hosts: each trouble is provoked, found with what mends it, and gone when it is mended. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Host } from '../../src/hosts/host.ts';
import type { AboutFinding } from '../../src/provision/doctor/diagnose.ts';
import { startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
const machines = await startSshMachines(join(suite.root, 'ssh'), 1);
after(() => machines.close());
const [first] = machines.hosts as [Host];
const access = ['--identity-file', machines.identityFile];

const doctor = async (...args: string[]): Promise<AboutFinding[]> => {
  const { stdout, stderr, code } = await suite.slipway(['doctor', ...args, '-o', 'json']);
  assert.ok(code === 0 || code === 1, stderr);
  const findings = JSON.parse(stdout) as AboutFinding[];
  assert.equal(code, findings.some(({ severity }) => severity === 'error') ? 1 : 0);
  for (const { fix, problem } of findings) assert.ok(fix && problem);
  return findings;
};
const problemsOf = (findings: AboutFinding[]): string =>
  findings.map(({ severity, about, problem }) => `${severity}: ${about}: ${problem}`).join('\n');

/** In the machine's own namespaces: nothing of it is left when the machine goes. */
const sh = async (host: Host, script: string): Promise<void> => void (await host.run(['sh', '-c', script]));
/** Another file in its place, in the mounts of this machine alone. */
const shadow = async (host: Host, path: string, text: string, mode = 0o644): Promise<() => Promise<void>> => {
  const beside = `/run/shadow-${path.replaceAll('/', '-')}`;
  await host.writeFile(beside, text, { mode });
  await sh(host, `mount --bind ${beside} $(readlink -f ${path})`);
  return () => sh(host, `umount $(readlink -f ${path})`);
};
const LISTEN = `const [protocol, port, address] = process.argv.slice(2);
if (protocol === 'udp') require('dgram').createSocket('udp4').bind(Number(port), address); else require('net').createServer().listen(Number(port), address);
setTimeout(() => process.exit(), 120000);`;
const listen = async (host: Host, protocol: string, port: number): Promise<() => Promise<void>> => {
  await host.writeFile('/run/listen.js', LISTEN, { mode: 0o600 });
  await sh(
    host,
    `${process.execPath} /run/listen.js ${protocol} ${port} 0.0.0.0 > /dev/null 2>&1 & echo $! > /run/listen-${port}
    until ss -Hln${protocol[0]} | grep -q :${port}; do sleep 0.02; done`,
  );
  return () => sh(host, `kill $(cat /run/listen-${port})`);
};

test('a host before it becomes a node: ports, firewall, DNS, swap, kernel, clock, disk, containerd', async () => {
  const target = machines.targets[0] as string;
  const look = async () => problemsOf((await doctor('--host', target, ...access)).filter(({ about }) => about === target));
  const clean = await look();
  assert.doesNotMatch(clean, /error/);

  const undo = [
    await listen(first, 'tcp', 6443),
    await listen(first, 'tcp', 10256),
    await listen(first, 'tcp', 30080),
    await listen(first, 'udp', 4789),
    await shadow(first, '/etc/resolv.conf', 'nameserver 127.0.0.53\n'),
    await shadow(first, '/proc/swaps', 'Filename Type Size Used Priority\n/swap file 1048576 0 -2\n'),
    await shadow(first, '/proc/sys/fs/inotify/max_user_instances', '128\n'),
    await shadow(first, '/proc/cgroups', '#subsys_name hierarchy num_cgroups enabled\ncpu 1 1 1\nmemory 0 1 0\npids 2 1 1\n'),
    await shadow(first, '/usr/bin/date', '#!/bin/sh\n[ "$1" = +%s%N ] && echo 1700000000000000000 || echo 1700000000\n', 0o755),
    await shadow(first, '/usr/bin/containerd', '#!/bin/sh\necho containerd containerd 1.4.13 abc\n', 0o755),
  ];
  await sh(
    first,
    'iptables -P FORWARD DROP; nft "add table inet guard; add chain inet guard check { type filter hook forward priority 0; policy drop; }"',
  );
  await sh(
    first,
    'mkdir -p /var/log/pods && mount -t tmpfs -o size=1m tmpfs /var/log/pods && dd if=/dev/zero of=/var/log/pods/full bs=1k count=1000 2> /dev/null',
  );
  const found = await look();
  for (const wanted of [
    /error: .*Port 6443\/tcp, which the API server needs, is taken by .*node/,
    /error: .*Port 10256\/tcp/,
    /warning: .*30080\/tcp/,
    /error: .*Port 4789\/udp/,
    /error: .*chain FORWARD of iptables/,
    /error: .*chain inet guard check of nftables/,
    /error: .*127\.0\.0\.53, where nothing answers/,
    /warning: .*1024 MiB of swap/,
    /warning: .*max_user_instances is 128/,
    /error: .*switched off: memory/,
    /error: .*clock of .* behind this computer/,
    /error: .*containerd is 1\.4\.13/,
    /error: .*\/var\/log\/pods has 0 MiB left/,
  ])
    assert.match(found, wanted);

  for (const mend of undo) await mend();
  await sh(first, 'iptables -P FORWARD ACCEPT; nft delete table inet guard; umount /var/log/pods');
  assert.equal(await look(), clean);
});

test('packages that a host of the Fedora family lacks have their names there, and come with dnf', async () => {
  const target = machines.targets[0] as string;
  const undo = [await shadow(first, '/etc/os-release', 'ID=rocky\n'), await shadow(first, '/usr/sbin/conntrack', '', 0o644)];
  const found = (await doctor('--host', target, ...access)).find(({ problem }) => problem.startsWith('It lacks '));
  for (const step of undo) await step();
  assert.match(found?.fix ?? '', /^dnf install conntrack-tools +# on /);
});

test('a host that is not there, and one that refuses the key, are told with what to try', async () => {
  const [finding] = await doctor('--host', 'root@192.0.2.99', ...access);
  assert.match(problemsOf([finding as AboutFinding]), /error: root@192\.0\.2\.99: cannot .*192\.0\.2\.99/);
});

test('drivers: one by name, one that is not there, and all', async () => {
  mkdirSync(join(suite.root, 'empty'), { recursive: true });
  await doctor('--driver', 'local');
  await doctor('--driver', 'all');
  const unknown = problemsOf(await doctor('--driver', 'cloud9'));
  assert.match(unknown, /error: this host, driver cloud9: cannot use the driver "cloud9": there are local/);
  const { stdout } = await suite.slipway(['doctor', '--driver', 'ssh', '-o', 'json'], { env: { PATH: join(suite.root, 'empty') } });
  assert.match(problemsOf(JSON.parse(stdout) as AboutFinding[]), /^warning: this host, driver ssh: .*slipway node ssh needs it/);
  const missing = await suite.slipway(['doctor', 'nobody']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /CLUSTER_UNKNOWN/);
});
