import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { distributionFamily, packageNames } from '../../../src/hosts/packages/distribution-family.ts';
import { installCommand, installFailure, installScript } from '../../../src/hosts/packages/install-packages.ts';

const FAMILIES: readonly [id: string, like: string, expected: 'apt' | 'dnf' | RegExp][] = [
  ['debian', '', 'apt'],
  ['ubuntu', 'debian', 'apt'],
  ['linuxmint', 'ubuntu debian', 'apt'],
  ['fedora', '', 'dnf'],
  ['rocky', 'rhel centos fedora', 'dnf'],
  ['almalinux', 'rhel centos fedora', 'dnf'],
  ['ol', 'fedora', 'dnf'],
  ['alpine', '', /Alpine is on the list for later/],
  ['arch', '', /Arch Linux is on the list for later/],
  ['manjaro', 'arch', /Arch Linux is on the list for later/],
  ['opensuse-leap', 'suse opensuse', /neither of Debian's family/],
];

describe('distributions', () => {
  for (const [id, like, expected] of FAMILIES)
    test(`${id} ${expected instanceof RegExp ? 'is refused by name' : `has ${expected}`}`, () => {
      const family = distributionFamily({ id, like: like.split(' ').filter(Boolean), version: '', title: '' });
      if (expected instanceof RegExp) assert.match('refusal' in family ? family.refusal : '', expected);
      else assert.deepEqual(family, { packageManager: expected });
    });
  test('packages have the names of the distribution', () => {
    assert.deepEqual(packageNames('apt', 'conntrack'), ['conntrack']);
    assert.deepEqual(packageNames('dnf', 'conntrack'), ['conntrack-tools']);
    assert.equal(installCommand('dnf', ['containerd', 'iproute2']), 'dnf install containerd iproute');
  });
});

const folder = mkdtempSync(join(tmpdir(), 'slipway-packages-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs the script with a package manager that writes down what it is asked, and fails where its arguments match the pattern of a shell. */
const runScript = (manager: 'apt' | 'dnf', failsAt: string): { code: number | null; calls: string[] } => {
  const [program, log] = [join(folder, manager === 'apt' ? 'apt-get' : 'dnf'), join(folder, 'calls')];
  rmSync(log, { force: true });
  writeFileSync(program, `#!/bin/sh\necho "$*" >> ${log}\ncase "$*" in ${failsAt}) exit 100 ;; esac\n`, { mode: 0o755 });
  const { status } = spawnSync('sh', ['-c', installScript(manager, ['containerd', 'nftables'])], {
    env: { PATH: `${folder}:/usr/bin:/bin` },
  });
  return { code: status, calls: readFileSync(log, 'utf8').trim().split('\n') };
};

describe('installing', () => {
  test('apt does not ask the mirror when it has the packages, and waits for its lock', () => {
    const { code, calls } = runScript('apt', 'nothing');
    assert.equal(code, 0);
    assert.deepEqual(
      calls.map((call) => call.includes('update')),
      [false, false],
    );
    assert.match(calls[1] ?? '', /DPkg::Lock::Timeout=300 .*install containerd nftables$/);
  });
  test('dnf takes the first name that its repositories have', () => {
    const { code, calls } = runScript('dnf', "'-q list containerd' | '--assumeyes'*' -q list containerd'");
    assert.equal(code, 0, calls.join('\n'));
    assert.match(calls.at(-1) ?? '', /install containerd\.io nftables$/);
  });
  const FAILURES: readonly [manager: 'apt' | 'dnf', failsAt: string, code: number][] = [
    ['apt', '*download-only* | *update*', 41],
    ['apt', '*download-only*', 42],
    ['apt', "*' install containerd nftables'", 100],
    ['dnf', '*makecache* | *downloadonly*', 41],
    ['dnf', '*downloadonly*', 42],
    ['dnf', "*' install containerd nftables'", 100],
  ];
  test('a mirror that is away is no matter when the packages come from another', () => {
    assert.equal(runScript('dnf', '*makecache*').code, 0);
    assert.equal(runScript('apt', '*update*').code, 0);
  });
  for (const [manager, failsAt, code] of FAILURES)
    test(`${manager} that fails at ${failsAt} is told by ${code}`, () => assert.equal(runScript(manager, failsAt).code, code));

  const failure = (exitCode: number, free: number) =>
    installFailure({
      host: 'lab-1 (root@192.0.2.11)',
      packageManager: 'apt',
      packages: ['runc'],
      exitCode,
      stdout: 'Hit:1 something\nErr:2 http://mirror.example bookworm InRelease\n  Could not resolve\n',
      stderr: 'E: Some index files failed to download.\n',
      freeMiB: new Map([
        ['/usr', 9000],
        ['/var/cache', free],
      ]),
    });
  test('a mirror that is away is said with its lines, the host and what mends it', () => {
    const error = failure(41, 9000);
    assert.equal(error.code, 'PACKAGE_MIRROR_AWAY');
    assert.match(error.message, /install runc on lab-1 \(root@192\.0\.2\.11\)/);
    assert.match(error.logLines[0] ?? '', /Err:2 http:\/\/mirror\.example/);
    assert.match(error.advice[0] ?? '', /^apt-get update/);
  });
  test('a full disk is said as that, whatever the package manager failed at', () => {
    const error = failure(100, 3);
    assert.equal(error.code, 'DISK_FULL');
    assert.match(error.message, /only 3 MiB are free in \/var\/cache/);
  });
  test('anything else keeps the words of the package manager', () => {
    const error = failure(100, 9000);
    assert.equal(error.code, 'COMMAND_FAILED');
    assert.match(error.logLines.at(-1) ?? '', /index files/);
  });
});
