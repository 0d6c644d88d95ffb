/** The script for Fedora's family with a real dnf and packages of a repository that is made here; the distribution itself is not. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { installScript } from '../../src/hosts/packages/install-packages.ts';
import { NODE_REQUIREMENTS } from '../../src/provision/spec/node-paths.ts';

const missing = ['dnf', 'rpmbuild', 'createrepo_c'].filter((name) => spawnSync(name, ['--version']).error);
const skip = process.getuid?.() !== 0 ? 'needs root' : missing.length ? `missing: ${missing.join(', ')}` : false;
const folder = mkdtempSync(join(tmpdir(), 'slipway-dnf-'));
const root = join(folder, 'root');
const wanted = [...new Set(NODE_REQUIREMENTS.map((requirement) => requirement.package))];
/** As Rocky calls them: containerd comes from Docker's repository there. */
const NAMES = ['containerd.io', 'runc', 'containernetworking-plugins', 'iptables-nft', 'nftables', 'conntrack-tools', 'iproute'];
/** Debian's rpm keeps what is installed below HOME. */
const env = { PATH: `${folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: folder };
after(() => rmSync(folder, { recursive: true }));

const run = (command: string, args: readonly string[]) => {
  const result = spawnSync(command, args, { encoding: 'utf8', env });
  assert.equal(result.status, 0, `${command} ${args.join(' ')}: ${result.stderr}${result.stdout}`);
  return result.stdout;
};

const useMirror = (url: string): void =>
  writeFileSync(join(folder, 'repos', 'ours.repo'), `[ours]\nname=ours\nbaseurl=${url}\ngpgcheck=0\nmetadata_expire=1\nretries=1\n`);

const install = (packages: readonly string[]) =>
  spawnSync('sh', ['-c', installScript('dnf', packages)], {
    encoding: 'utf8',
    env,
  });

describe('dnf', { skip }, () => {
  before(() => {
    for (const name of ['repo', 'repos', 'root', 'bin']) mkdirSync(join(folder, name));
    for (const name of NAMES) {
      const spec = join(folder, `${name}.spec`);
      const text = ['Version: 1', 'Release: 1', 'Summary: empty', 'License: none', 'BuildArch: noarch', '%description', 'empty', '%files'];
      writeFileSync(spec, [`Name: ${name}`, ...text, ''].join('\n'));
      run('rpmbuild', ['-bb', '--define', `_rpmdir ${folder}/repo`, '--define', `_topdir ${folder}/build`, spec]);
    }
    run('createrepo_c', [join(folder, 'repo')]);
    // What it installs must not come onto this machine.
    const own = `--installroot=${root} --releasever=9 --setopt=reposdir=${folder}/repos --setopt=cachedir=${folder}/cache --setopt=keepcache=1`;
    writeFileSync(join(folder, 'bin', 'dnf'), `#!/bin/sh\nexec /usr/bin/dnf ${own} "$@"\n`, { mode: 0o755 });
  });

  test('a mirror that is away has its exit code', () => {
    useMirror('http://127.0.0.1:9/');
    const result = install(wanted);
    assert.equal(result.status, 41, result.stdout + result.stderr);
  });

  test('a package that no repository has has another one', () => {
    useMirror(`file://${folder}/repo`);
    const result = install(['busybox-static']);
    assert.equal(result.status, 42, result.stdout + result.stderr);
  });

  test('what nodes need is installed by the names of the distribution, and a second time nothing happens', () => {
    useMirror(`file://${folder}/repo`);
    for (const _ of ['first', 'again']) {
      const result = install(wanted);
      assert.equal(result.status, 0, result.stdout + result.stderr);
    }
    const there = [...run(join(folder, 'bin', 'dnf'), ['-q', 'list', '--installed']).matchAll(/^(\S+)\.noarch /gm)].map(
      (match) => match[1] ?? '',
    );
    assert.deepEqual(there.toSorted(), NAMES.toSorted());
  });
});
