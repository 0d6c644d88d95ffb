/**
 * Stock kubectl 1.36 for tests: $SLIPWAY_KUBECTL, or one in the user's cache, or built there from its Go module (two minutes, once).
 * Without it and without Go the tests that need it are skipped, and say so.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '1.36.3';
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'slipway', 'judges');

/** The path of kubectl, or a sentence that says why there is none. */
export const findKubectl = (): { path: string } | { missing: string } => {
  const cached = join(CACHE, `kubectl-${VERSION}`);
  for (const path of [process.env.SLIPWAY_KUBECTL, cached]) if (path && existsSync(path)) return { path };
  if (!hasGo()) return { missing: `no kubectl ${VERSION}: set SLIPWAY_KUBECTL to one, or install Go so that the tests build it` };
  console.error(`# building kubectl ${VERSION} from its Go module (once) ...`);
  const source = join(dirname(fileURLToPath(import.meta.url)), 'kubectl');
  const flags = ['gitVersion=v1.36.3', 'gitMajor=1', 'gitMinor=36'].map((flag) => `-X k8s.io/component-base/version.${flag}`);
  mkdirSync(CACHE, { recursive: true });
  const building = `${cached}.${process.pid}`;
  try {
    const env = { ...process.env, CGO_ENABLED: '0' };
    execFileSync('go', ['build', '-mod=mod', '-ldflags', `-s -w ${flags.join(' ')}`, '-o', building, '.'], {
      cwd: source,
      env,
      stdio: 'pipe',
    });
  } catch (error) {
    return { missing: `kubectl ${VERSION} could not be built: ${(error as Error).message.slice(-500)}` };
  }
  renameSync(building, cached);
  return { path: cached };
};

const hasGo = (): boolean => {
  try {
    execFileSync('go', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false; // Not installed: the caller says what follows from it.
  }
};
