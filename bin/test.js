/**
 * `npm test`: every test that needs no other machine, in tiers from fast to slow. `npm test -- unit contract` runs some of them.
 * node:test is the runner; the tiers run one after the other so that two cores are enough. A file of a tier with real daemons or
 * clusters that fails is run once more, alone, and what it says then counts: two files at a time share the machine. Both are printed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const TIERS = {
  structure: { files: 'test/*.test.ts', concurrency: 2 },
  unit: { files: 'test/unit/**/*.test.ts', concurrency: 2 },
  contract: { files: 'test/contract/**/*.test.ts', concurrency: 2, again: true },
  integration: { files: 'test/integration/**/*.test.ts', concurrency: 2, again: true },
  e2e: { files: 'test/e2e/**/*.test.ts', concurrency: 2, again: true },
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in TIERS));
if (unknown.length) {
  console.error(`no such tier: ${unknown.join(', ')}; there are ${Object.keys(TIERS).join(', ')}`);
  process.exit(2);
}

/** What the integration and end-to-end tests run on real. Installed where root and apt are there; else those tests skip, and say why. */
const PACKAGES = [
  ...['containerd', 'runc', 'runit', 'nftables', 'conntrack', 'containernetworking-plugins', 'busybox-static'],
  ...['iproute2', 'iptables', 'procps', 'openssh-server', 'openssl', 'sudo', 'buildah', 'tmux', 'genisoimage'],
  ...['dnf', 'rpm', 'createrepo-c'],
  ...['libvirt-daemon-system', 'libvirt-daemon-driver-qemu', 'libvirt-clients', 'qemu-system-x86', 'qemu-utils', 'dnsmasq-base'],
  // Without it apt brings systemd to a machine that runs without.
  ...(existsSync('/run/systemd/system') ? [] : ['libvirt-daemon-system-sysv']),
];

const installPackages = () => {
  if (process.getuid() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) {
    console.log('# not root on a machine with apt: tests that need real containers are skipped');
    return;
  }
  const isInstalled = (name) =>
    spawnSync('dpkg-query', ['--show', '--showformat', '$'.concat('{Status}'), name], { encoding: 'utf8' }).stdout?.includes(
      'ok installed',
    );
  const missing = PACKAGES.filter((name) => !isInstalled(name));
  if (!missing.length) return;
  console.log(`# installing ${missing.join(' ')} ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['update', '-qq'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const result = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env, encoding: 'utf8' });
  if (result.status !== 0) console.log(`# apt-get install failed; tests that need these packages are skipped:\n${result.stderr}`);
};

if (!asked.length || asked.includes('integration') || asked.includes('e2e')) {
  installPackages();
  // Built before the tests, which run in namespaces without a way out.
  const kubectl = (await import('../test/support/kubectl.ts')).findKubectl();
  if ('path' in kubectl) process.env.SLIPWAY_KUBECTL = kubectl.path;
  else console.log(`# ${kubectl.missing}`);
}

const scratch = mkdtempSync(join(tmpdir(), 'slipway-test-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** Answers the files that failed. */
const run = (files, concurrency) => {
  const list = join(scratch, 'failed');
  const reporters = [
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...[`--test-reporter=${join(root, 'bin/failed-files.js')}`, `--test-reporter-destination=${list}`],
  ];
  const args = ['--test', `--test-concurrency=${concurrency}`, '--test-timeout=600000', ...reporters, ...files];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status === 0) return [];
  const failed = [...new Set(readFileSync(list, 'utf8').split('\n').filter(Boolean))].map((file) => relative(root, file));
  // A file that could not even be begun is named by nobody.
  return failed.length ? failed : files;
};

let failed = false;
for (const [name, tier] of Object.entries(TIERS)) {
  if (asked.length && !asked.includes(name)) continue;
  const files = globSync(tier.files, { cwd: root }).sort();
  if (!files.length) continue;
  console.log(`\n== ${name} (${files.length} files)`);
  const bad = run(files, tier.concurrency);
  if (!bad.length) continue;
  if (tier.again) console.log(`\n== ${name}, once more and alone: ${bad.join(' ')}`);
  const still = tier.again ? run(bad, 1) : bad;
  if (tier.again) for (const file of bad) console.log(`# ${file} failed at first, and ${still.includes(file) ? 'again' : 'passed alone'}`);
  failed ||= still.length > 0;
}
process.exit(failed ? 1 : 0);
