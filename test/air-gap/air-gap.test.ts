/**
 * A host without a network that lacks a package becomes a node from a bundle, and so does this computer, with all that a cluster file names; bundles
 * that are not whole or not meant for it are refused.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Host } from '../../src/hosts/host.ts';
import { writeImageArchive } from '../../src/provision/images/write-archive.ts';
import { startSshMachines } from '../support/sshd.ts';
import { enterSuite } from '../support/suite.ts';

const IMAGE = 'registry.example/air/gap:1';
/** Run by a manifest of the cluster file: it lies in the store of the builder, as one of a registry would after it was fetched. */
const RUN_IMAGE = 'registry.example/air/web:1';
const CLUSTER = `apiVersion: slipway/v1
kind: Cluster
metadata: {name: here}
spec:
  pools: [{name: main, count: 1}]
  manifests: [../manifests]
`;
const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: "${RUN_IMAGE}"}
        - {name: demo, image: "registry.slipway.local/demo:1", command: [sleep, '1000']}
`;
const noBuilder = spawnSync('buildah', ['--version']).error ? 'needs buildah' : false;
const root = join(import.meta.dirname, '../..');

/** Made where the registries are reached, before the suite leaves them behind. */
const makeBundle = async (): Promise<void> => {
  const folder = mkdtempSync('/var/tmp/slipway-air-gap-');
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const image = join(folder, 'image.tar');
  const entries = [{ path: 'hello', content: 'hello\n' }];
  writeFileSync(
    image,
    await writeImageArchive({
      reference: IMAGE,
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      entries,
      config: { Entrypoint: ['/hello'] },
    }),
  );
  const path = join(folder, 'bundle.tar.gz');
  const env = { ...process.env, SLIPWAY_HOME: join(folder, 'home') };
  const slipway = (...args: string[]) => spawnSync('sh', [join(root, 'bin/slipway'), ...args], { encoding: 'utf8', env });
  const withFile = noBuilder ? [] : ['-f', clusterFile(folder, slipway)];
  const made = slipway('bundle', 'create', '-o', path, '--image', image, ...withFile);
  if (withFile.length) spawnSync('buildah', ['--storage-driver', 'vfs', 'rmi', RUN_IMAGE]);
  process.env['SLIPWAY_TEST_BUNDLE'] = path;
  process.env['SLIPWAY_TEST_BUNDLE_SAID'] = `${made.status}\n${made.stdout}${made.stderr}`;
};

/** A cluster file with manifests beside it, and the image that they run. */
const clusterFile = (folder: string, slipway: (...args: string[]) => { stderr: string }): string => {
  for (const name of ['clusters', 'manifests', 'web']) mkdirSync(join(folder, name));
  copyFileSync('/bin/busybox', join(folder, 'web/busybox'));
  writeFileSync(join(folder, 'web/Containerfile'), 'FROM scratch\nCOPY busybox /busybox\nENTRYPOINT ["/busybox", "sleep", "1000"]\n');
  slipway('image', 'build', '-t', RUN_IMAGE, '--load=false', join(folder, 'web'));
  writeFileSync(join(folder, 'clusters/here.yaml'), CLUSTER);
  writeFileSync(join(folder, 'manifests/web.yaml'), MANIFEST);
  return join(folder, 'clusters/here.yaml');
};

if (!process.env['SLIPWAY_SUITE'] && process.getuid?.() === 0) await makeBundle();
const suite = await enterSuite(import.meta.filename);
const path = process.env['SLIPWAY_TEST_BUNDLE'] as string;
const said = process.env['SLIPWAY_TEST_BUNDLE_SAID'] as string;
const skip = existsSync(path) ? false : `no bundle could be made: ${said}`;

test('a bundle says what it has, and is one file with the client in it', { skip }, () => {
  assert.match(said, /^0\n.*bundle\.tar\.gz: \d+ MiB, \d+ packages, images registry\.example\/air\/gap:1\b.*\nsha256 [0-9a-f]{64}/);
  if (!noBuilder) assert.match(said, /gap:1, registry\.example\/air\/web:1, cluster file cluster\/clusters\/here\.yaml\n/);
  assert.deepEqual(
    readdirSync(dirname(path)).filter((name) => name.startsWith('.')),
    [],
    'nothing is left beside it',
  );
  const names = execFileSync('tar', ['-tzf', path], { encoding: 'utf8' }).split('\n');
  for (const wanted of [
    'programs/node',
    'client/bin/slipway',
    'client/dist/slipway-agent.js',
    'packages/Packages',
    'images/1-image.tar',
    'manifest.json',
  ])
    assert.ok(names.includes(wanted), wanted);
  for (const package_ of ['containerd', 'conntrack', 'libnetfilter-conntrack3', 'libc6'])
    assert.ok(
      names.some((name) => name.startsWith(`packages/${package_}_`)),
      package_,
    );
  const unpacked = join(suite.root, 'unpacked');
  mkdirSync(unpacked);
  execFileSync('tar', ['-xzf', path, '-C', unpacked, 'programs', 'client']);
  const version = spawnSync(join(unpacked, 'client/bin/slipway'), ['version', '--client'], {
    encoding: 'utf8',
    env: { PATH: `${join(unpacked, 'programs')}:/usr/bin:/bin`, HOME: suite.root },
  });
  assert.match(version.stdout, /^Client Version: slipway/, version.stderr);
});

test('a host that lacks a package and has no network becomes a node; images are there; nothing stays behind', { skip }, async () => {
  await hideHostFiles();
  const machines = await startSshMachines(join(suite.root, 'ssh'), 1);
  const host = machines.hosts[0] as Host;
  const access = ['--host', machines.targets[0] as string, '--identity-file', machines.identityFile];
  try {
    await host.run(['dpkg', '--purge', '--force-depends', 'conntrack']);
    assert.notEqual((await host.run(['sh', '-c', 'command -v conntrack'], { check: false })).exitCode, 0);

    const without = await suite.slipway(['up', 'air', ...access, '--bundle', path]);
    assert.match(without.stderr, /PACKAGES_MISSING[\s\S]*lacks conntrack/);

    const up = await suite.slipway(['up', 'air', ...access, '--yes', '--bundle', path]);
    assert.equal(up.code, 0, up.stderr);
    assert.match(up.stderr, /^ok +Loading images of the bundle/m);
    assert.equal((await host.run(['sh', '-c', 'command -v conntrack'], { check: false })).exitCode, 0);
    assert.match((await suite.slipway(['image', 'list', '--cluster', 'air'])).stdout, /registry\.example\/air\/gap:1/);
    assert.match((await suite.slipway(['get', 'nodes'])).stdout, /air-1 +Ready/);
    assert.equal((await host.run(['ls', '/var/lib/slipway/bundle'], { check: false })).exitCode, 2, 'packages do not stay on the host');
    assert.deepEqual(
      readdirSync(suite.home).filter((name) => name.startsWith('bundle-')),
      [],
      'nor what was unpacked here',
    );
    const again = await suite.slipway(['up', 'air', '--bundle', path]);
    assert.match(again.stdout, /Cluster air is unchanged/);

    const other = await repacked('other-target', (manifest) => ({
      ...manifest,
      target: { ...(manifest['target'] as object), version: '99' },
    }));
    await host.run(['dpkg', '--purge', '--force-depends', 'conntrack']);
    const refused = await suite.slipway(['up', 'air', '--yes', '--bundle', other]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /BUNDLE_MISMATCH[\s\S]*they are for debian 99 on \w+, and it is debian 12 on \w+/);
    assert.equal((await suite.slipway(['down', 'air'])).code, 0);
  } finally {
    await machines.close();
  }
});

test('this computer lacks packages, and the cluster file came in the bundle: demo and manifests run', {
  skip: skip || noBuilder,
}, async () => {
  execFileSync('tar', ['-xzf', path, '-C', suite.root, 'cluster']);
  const file = join(suite.root, 'cluster/clusters/here.yaml');
  await suite.run(['dpkg', '--purge', '--force-depends', 'conntrack', 'busybox-static']);
  const without = await suite.slipway(['up', '-f', file, '--demo', '--bundle', path]);
  assert.match(without.stderr, /PACKAGES_MISSING[\s\S]*This host lacks conntrack, \/bin\/busybox/);
  const up = await suite.slipway(['up', '-f', file, '--demo', '--wait', '--yes', '--bundle', path]);
  assert.equal(up.code, 0, up.stderr);
  for (const step of ['Fetching the demo through its Service', 'Applying manifests', 'Waiting for workloads'])
    assert.match(up.stderr, new RegExp(`^ok +${step}`, 'm'));
  assert.match((await suite.slipway(['get', 'deployments'])).stdout, /^demo +2\/2 [\s\S]*^web +2\/2 /m);
  assert.equal((await suite.run(['sh', '-c', 'command -v conntrack && ls /var/lib/slipway/bundle'])).code, 2, 'packages do not stay here');
  const added = await suite.slipway(['node', 'add', '--cluster', 'here', '--bundle', path]);
  assert.equal(added.code, 0, added.stderr);
  assert.match((await suite.slipway(['image', 'list', '--cluster', 'here'])).stdout, /air\/web:1 .*here-1.*here-2/);
  assert.equal((await suite.slipway(['down', 'here'])).code, 0);
});

test('a bundle that is cut short, changed, or none, is refused before anything is made', { skip }, async () => {
  const bytes = readFileSync(path);
  const put = (name: string, content: Uint8Array): string => {
    writeFileSync(join(suite.root, name), content);
    return join(suite.root, name);
  };
  const flipped = Buffer.from(bytes);
  flipped[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] as number) ^ 0xff;
  const rows: [file: string, finding: RegExp][] = [
    [put('half.tar.gz', bytes.subarray(0, bytes.length / 2)), /BUNDLE_INVALID[\s\S]*cut short/],
    [put('flipped.tar.gz', flipped), /BUNDLE_INVALID/],
    [put('text.tar.gz', Buffer.from('hello')), /BUNDLE_INVALID[\s\S]*damaged/],
    [join(suite.root, 'nowhere.tar.gz'), /BUNDLE_INVALID[\s\S]*ENOENT/],
  ];
  for (const [file, finding] of rows) {
    const result = await suite.slipway(['up', 'never', '--nodes', '1', '--bundle', file]);
    assert.equal(result.code, 1, file);
    assert.match(result.stderr, finding, file);
    assert.match(result.stderr, /try: /);
  }
  assert.equal(existsSync(join(suite.home, 'clusters/never/state.json')), false);
  assert.deepEqual(
    readdirSync(suite.home).filter((name) => name.startsWith('bundle-')),
    [],
  );
});

/** The same bundle with another manifest, put together as somebody would by hand. */
const repacked = async (name: string, change: (manifest: Record<string, unknown>) => Record<string, unknown>): Promise<string> => {
  const folder = join(suite.root, `repack-${name}`);
  mkdirSync(folder);
  execFileSync('tar', ['-xzf', path, '-C', folder]);
  const manifest = join(folder, 'manifest.json');
  writeFileSync(manifest, JSON.stringify(change(JSON.parse(readFileSync(manifest, 'utf8')))));
  const to = join(suite.root, `${name}.tar.gz`);
  // The manifest is the last file of a bundle.
  const names = readdirSync(folder).filter((name) => name !== 'manifest.json');
  execFileSync('tar', ['-c', '-I', 'gzip -1', '-f', to, '-C', folder, ...names, 'manifest.json']);
  rmSync(folder, { recursive: true });
  return to;
};

/** Machines of the suite share this host's files: what is removed and installed goes to layers that end with the suite. */
const hideHostFiles = async (): Promise<void> => {
  for (const at of ['/usr', '/etc', '/var/lib']) {
    const layer = join('/run/layers', at);
    mkdirSync(join(layer, 'upper'), { recursive: true });
    mkdirSync(join(layer, 'work'), { recursive: true });
    const mounted = await suite.run([
      'mount',
      '-t',
      'overlay',
      '-o',
      `lowerdir=${at},upperdir=${layer}/upper,workdir=${layer}/work`,
      'overlay',
      at,
    ]);
    assert.equal(mounted.code, 0, mounted.stderr);
  }
};
