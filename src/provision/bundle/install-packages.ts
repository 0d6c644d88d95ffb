import { join } from 'node:path';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import { NODE_PATHS } from '../spec/node-paths.ts';
import { targetIn, targetName } from './bundle-manifest.ts';
import type { OpenBundle } from './open-bundle.ts';

/** Where packages lie on a host while they are installed. */
const FOLDER = `${NODE_PATHS.data}/bundle`;
const INSTALL_TIMEOUT_MS = 600_000;

/** Throws BUNDLE_MISMATCH for a host that the bundle's packages are not made for. */
export const requireTarget = async (host: Host, bundle: OpenBundle): Promise<void> => {
  const [osRelease, architecture] = await Promise.all([
    host.readFile('/etc/os-release'),
    host.run(['sh', '-c', 'dpkg --print-architecture 2> /dev/null || uname -m'], { check: false }),
  ]);
  const found = targetIn(osRelease?.toString() ?? '', architecture.stdout);
  const { target } = bundle.manifest;
  if (targetName(found) === targetName(target)) return;
  throw new SlipwayError('BUNDLE_MISMATCH', {
    tried: `install packages of the bundle on ${host.name}`,
    cause: `they are for ${targetName(target)}, and it is ${targetName(found)}`,
    advice: [`slipway bundle create -o FILE   # on a machine that is ${targetName(found)}`],
  });
};

/**
 * Installs packages with nothing but what is in the bundle: the host's apt says which files it needs, only these are copied, and apt is shown no
 * other source. Its own lists and caches are left alone.
 */
export const installFromBundle = async (
  host: Host,
  { bundle, packages, signal }: { bundle: OpenBundle; packages: readonly string[]; signal: AbortSignal },
): Promise<void> => {
  await requireTarget(host, bundle);
  const options = { signal, timeoutMs: INSTALL_TIMEOUT_MS, env: { DEBIAN_FRONTEND: 'noninteractive' } };
  const apt = (...args: string[]) => host.run(['apt-get', ...SETTINGS.flatMap((setting) => ['-o', setting]), ...args], options);
  try {
    await host.run(['mkdir', '-p', `${FOLDER}/packages`, `${FOLDER}/lists/partial`, `${FOLDER}/cache/archives/partial`]);
    await host.copyFile(bundle.pathOf('packages/Packages'), `${FOLDER}/packages/Packages`, { mode: 0o644 });
    await host.writeFile(`${FOLDER}/sources.list`, `deb [trusted=yes] file:${FOLDER}/packages ./\n`, { mode: 0o644 });
    await apt('update', '-qq');
    const install = ['--yes', '--no-install-recommends', 'install', ...packages];
    const { stdout } = await apt('-qq', '--print-uris', ...install);
    const wanted = [...stdout.matchAll(/^'file:[^']*\/([^/']+)'/gm)].map((match) => decodeURIComponent(match[1] as string));
    for (const file of wanted) {
      // apt asks for the name in the index, which is that in the bundle.
      const entry = bundle.manifest.packages.find(
        ({ path }) => path === `packages/${file}` || decodeURIComponent(path) === `packages/${file}`,
      );
      if (!entry)
        throw new SlipwayError('BUNDLE_INVALID', {
          tried: `install ${packages.join(', ')} on ${host.name}`,
          cause: `${file} is not in the bundle`,
        });
      await host.copyFile(bundle.pathOf(entry.path), join(FOLDER, entry.path), { mode: 0o644 });
    }
    await apt('-qq', ...install);
  } finally {
    await host.run(['rm', '-rf', FOLDER], { check: false });
  }
};

const SETTINGS = [
  `Dir::Etc::SourceList=${FOLDER}/sources.list`,
  'Dir::Etc::SourceParts=/dev/null',
  `Dir::State::Lists=${FOLDER}/lists`,
  `Dir::Cache=${FOLDER}/cache`,
  'DPkg::Lock::Timeout=300',
  'APT::Sandbox::User=root',
  'Acquire::Languages=none',
];
