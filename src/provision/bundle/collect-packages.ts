import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { runProcess } from '../../hosts/local/run-process.ts';
import { NODE_REQUIREMENTS } from '../spec/node-paths.ts';
import { type BundledPackage, type BundleTarget, targetIn } from './bundle-manifest.ts';

/** Beside what nodes need: what local nodes and the demo need on the computer that makes them. */
const MORE_PACKAGES = ['runit', 'util-linux', 'mount', 'busybox-static'];
const DOWNLOAD_TIMEOUT_MS = 1_800_000;

/** Packages with all that they depend on, from an empty system up, so that a host of any size has what it lacks. */
export const collectPackages = async (
  folder: string,
  signal: AbortSignal,
): Promise<{ target: BundleTarget; packages: BundledPackage[] }> => {
  const architecture = await runProcess(['dpkg', '--print-architecture'], { where: 'this host', check: false });
  if (architecture.exitCode !== 0)
    throw new SlipwayError('BUNDLE_INVALID', {
      tried: 'collect packages',
      cause: 'this computer has no dpkg: a bundle is made on a machine of the distribution that it is for',
      advice: ['slipway bundle create --packages=false   # for hosts that have all packages'],
    });
  const target = targetIn(await readFile('/etc/os-release', 'utf8'), architecture.stdout);
  const packages = join(folder, 'packages');
  const scratch = join(folder, 'apt');
  await Promise.all([mkdir(join(packages, 'partial'), { recursive: true }), mkdir(join(scratch, 'cache'), { recursive: true })]);
  await writeFile(join(scratch, 'status'), '');
  const names = [...new Set([...NODE_REQUIREMENTS.map((requirement) => requirement.package), ...MORE_PACKAGES])].sort();
  const settings = [
    `Dir::State::status=${scratch}/status`,
    `Dir::Cache=${scratch}/cache`,
    `Dir::Cache::archives=${packages}/`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=root',
  ];
  const download = [
    'apt-get',
    ...settings.flatMap((setting) => ['-o', setting]),
    '--yes',
    '--no-install-recommends',
    '--download-only',
    'install',
    ...names,
  ];
  const options = { where: 'this host', signal, timeoutMs: DOWNLOAD_TIMEOUT_MS, env: { DEBIAN_FRONTEND: 'noninteractive' } };
  const first = await runProcess(download, { ...options, check: false });
  if (first.exitCode !== 0) {
    // Lists that are old, or empty.
    await runProcess(['apt-get', 'update'], options);
    await runProcess(download, options);
  }
  const files = (await readdir(packages)).filter((name) => name.endsWith('.deb')).sort();
  const described = await Promise.all(files.map((file) => describe(join(packages, file), `packages/${file}`)));
  await writeFile(join(packages, 'Packages'), described.map(({ paragraph }) => paragraph).join('\n'));
  return { target, packages: described.map(({ known }) => known) };
};

/** The paragraph of an index, and what the manifest says. */
const describe = async (file: string, path: string): Promise<{ paragraph: string; known: BundledPackage }> => {
  const [{ stdout }, content] = await Promise.all([runProcess(['dpkg-deb', '--field', file], { where: 'this host' }), readFile(file)]);
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stdout)?.[1] ?? '';
  const sha256 = createHash('sha256').update(content).digest('hex');
  return {
    paragraph: `${stdout.trimEnd()}\nFilename: ./${path.replace('packages/', '')}\nSize: ${content.length}\nSHA256: ${sha256}\n`,
    known: { name: field('Package'), version: field('Version'), architecture: field('Architecture'), path },
  };
};
