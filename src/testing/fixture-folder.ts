import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'slipway-testing-';
const OWNER = 'owner';

/** A private folder (0700) that goes with the fixture, and with this process at the latest. */
export interface FixtureFolder {
  readonly path: string;
  /** Removed again by `remove`; run at the end of the process where nobody stopped the fixture. Must be synchronous. */
  onProcessEnd(clean: () => void): void;
  remove(): void;
}

export const makeFixtureFolder = (parent = tmpdir()): FixtureFolder => {
  const path = mkdtempSync(join(parent, PREFIX));
  writeFileSync(join(path, OWNER), `${process.pid} ${startTimeOf(process.pid)} ${namespaces()}`, { mode: 0o600 });
  let clean = (): void => {};
  const remove = (): void => {
    process.off('exit', atEnd);
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  };
  const atEnd = (): void => {
    clean();
    remove();
  };
  process.on('exit', atEnd);
  return {
    path,
    onProcessEnd: (wanted) => {
      clean = wanted;
    },
    remove,
  };
};

/** Folders of processes that were killed: nobody else removes them. `clean` takes away what belongs to one before it goes. */
export const sweepAbandoned = (clean: (path: string) => void, parent = tmpdir()): void => {
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    if (!name.startsWith(PREFIX) || !isAbandoned(path)) continue;
    clean(path);
    rmSync(path, { recursive: true, force: true });
  }
};

const isAbandoned = (path: string): boolean => {
  try {
    const [pid = '', startedAt, ...where] = readFileSync(join(path, OWNER), 'utf8').split(' ');
    return where.join(' ') === namespaces() && startTimeOf(Number(pid)) !== startedAt;
  } catch {
    // Being made, being removed, or somebody else's.
    return false;
  }
};

/** The same number is another process elsewhere, and what it made can only be removed from where it was made. */
const namespaces = (): string =>
  ['pid', 'net', 'mnt']
    .map((kind) => {
      try {
        return readlinkSync(`/proc/self/ns/${kind}`);
      } catch {
        return '';
      }
    })
    .join(' ');

/** Tells a process from another that got its number later; empty for one that is gone, and where there is no /proc. */
const startTimeOf = (pid: number): string => {
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '');
    return afterName.split(' ')[19] ?? '';
  } catch {
    return '';
  }
};
