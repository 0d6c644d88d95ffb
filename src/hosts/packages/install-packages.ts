import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { factsOf } from '../facts/host-facts.ts';
import type { Host } from '../host.ts';
import { distributionFamily, type PackageManager, packageNames } from './distribution-family.ts';

/** Exit codes by which the scripts say what failed: what apt and dnf print differs by version and is for people. */
const MIRROR_AWAY = 41;
const DOWNLOAD_FAILED = 42;
const TIMEOUT_MS = 600_000;
/** A package manager that fails with less than this free has failed for want of space. */
const SPACE_MIB = 64;

/**
 * Installs packages, named as Debian names them, in one command; waits up to five minutes for another package manager at work.
 * Throws PREFLIGHT_FAILED for a distribution that is not prepared for, PACKAGE_MIRROR_AWAY, DISK_FULL, else COMMAND_FAILED.
 */
export const installPackages = async (host: Host, packages: readonly string[], options: { signal: AbortSignal }): Promise<void> => {
  const family = distributionFamily((await factsOf(host)).distribution);
  if ('refusal' in family) throw new SlipwayError('PREFLIGHT_FAILED', { tried: `install packages on ${host.name}`, cause: family.refusal });
  const { packageManager } = family;
  const script = installScript(packageManager, packages);
  const result = await host.run(['sh', '-c', script], { signal: options.signal, timeoutMs: TIMEOUT_MS, check: false });
  if (result.exitCode === 0) return;
  const { freeMiB } = await factsOf(host, { again: true });
  throw installFailure({ host: host.name, packageManager, packages, ...result, freeMiB });
};

/** What is asked of a host whose user installs them. */
export const installCommand = (manager: PackageManager, packages: readonly string[]): string =>
  manager === 'apt'
    ? `apt-get install ${packages.join(' ')}`
    : `dnf install ${packages.map((name) => packageNames(manager, name)[0]).join(' ')}`;

export const installScript = (manager: PackageManager, packages: readonly string[]): string =>
  (manager === 'apt' ? aptScript : dnfScript)(packages);

/**
 * First with the lists that are there: a mirror that is away is no matter when the packages are in the cache, nor is one of several that these
 * packages do not come from.
 */
const aptScript = (packages: readonly string[]): string => `export DEBIAN_FRONTEND=noninteractive
apt() { apt-get --yes --no-install-recommends -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 -o Acquire::http::Timeout=20 "$@"; }
install() { apt install ${packages.join(' ')}; }
if apt install --download-only ${packages.join(' ')} > /dev/null 2>&1; then install; exit $?; fi
failed=${DOWNLOAD_FAILED}
apt update -o APT::Update::Error-Mode=any || failed=${MIRROR_AWAY}
apt install --download-only ${packages.join(' ')} || exit $failed
install`;

/** dnf waits for its lock by itself. */
const dnfScript = (
  packages: readonly string[],
): string => `dnf() { command dnf --assumeyes --setopt=install_weak_deps=False --setopt=timeout=20 "$@"; }
pick() { for name in "$@"; do if dnf -q list "$name" > /dev/null 2>&1; then echo "$name"; return; fi; done; echo "$1"; }
failed=${DOWNLOAD_FAILED}
dnf -q makecache --setopt=skip_if_unavailable=False || failed=${MIRROR_AWAY}
names="${packages
  .map((name) => {
    const names = packageNames('dnf', name);
    return names.length > 1 ? `$(pick ${names.join(' ')})` : names[0];
  })
  .join(' ')}"
dnf install --downloadonly $names || exit $failed
dnf install $names`;

export interface InstallFailure {
  host: string;
  packageManager: PackageManager;
  packages: readonly string[];
  exitCode: number;
  stdout: string;
  stderr: string;
  freeMiB: ReadonlyMap<string, number>;
}

export const installFailure = (failure: InstallFailure): SlipwayError => {
  const { host, packageManager, packages, exitCode, freeMiB } = failure;
  const tried = `install ${packages.join(', ')} on ${host}`;
  const logLines = `${failure.stdout}\n${failure.stderr}`
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-10);
  const full = ['/var/cache', '/usr'].find((folder) => (freeMiB.get(folder) ?? Number.POSITIVE_INFINITY) < SPACE_MIB);
  if (full)
    return new SlipwayError('DISK_FULL', {
      tried,
      cause: `only ${freeMiB.get(full)} MiB are free in ${full}`,
      logLines,
      advice: [packageManager === 'apt' ? `apt-get clean   # on ${host}` : `dnf clean all   # on ${host}`, `df -h ${full}   # on ${host}`],
    });
  if (exitCode === MIRROR_AWAY || exitCode === DOWNLOAD_FAILED)
    return new SlipwayError('PACKAGE_MIRROR_AWAY', {
      tried,
      cause:
        exitCode === MIRROR_AWAY
          ? 'the lists of its package mirrors cannot be fetched'
          : 'its package mirrors do not have, or do not give, these packages',
      logLines: [...logLines.filter((line) => MIRROR_LINE.test(line)), ...logLines.filter((line) => !MIRROR_LINE.test(line)).slice(-3)],
      advice: [
        `${packageManager === 'apt' ? 'apt-get update' : 'dnf makecache'}   # on ${host}, until it ends well`,
        `${installCommand(packageManager, packages)}   # on ${host}`,
      ],
    });
  return new SlipwayError('COMMAND_FAILED', {
    tried,
    cause: `${packageManager === 'apt' ? 'apt-get' : 'dnf'} ended with exit code ${exitCode}`,
    logLines,
    advice: [`${installCommand(packageManager, packages)}   # on ${host}`],
  });
};

/** Which lines of the output are shown first; nothing is decided by it. */
const MIRROR_LINE = /^(Err|E|W|Error|Errors?)\b/;
