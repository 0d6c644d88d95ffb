/** The Debian guest of these tests: built once and kept in the user's cache, by what its script says. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface GuestImage {
  image: string;
  kernel: string;
  initrd: string;
}

/** Found or built (two minutes and the packages of Debian, once); the sentence says why there is none. To be called outside of namespaces. */
export const findGuestImage = (): GuestImage | string => {
  const script = join(import.meta.dirname, 'build-image.sh');
  const key = createHash('sha256').update(readFileSync(script)).digest('hex').slice(0, 12);
  const folder = join(process.env['SLIPWAY_GUESTS'] ?? join(homedir(), '.cache', 'slipway', 'guests'), key);
  const found = { image: join(folder, 'base.raw'), kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd.img') };
  if (existsSync(found.image)) return found;
  if (process.env['SLIPWAY_SUITE']) return 'the image of the guests was not built';
  if (spawnSync('mmdebstrap', ['--version']).error) return 'missing: mmdebstrap';
  console.error('# building the image of the guests (once) ...');
  const built = spawnSync('nice', ['bash', script, folder], { encoding: 'utf8' });
  return built.status === 0 ? found : `the image of the guests could not be built: ${built.stderr.slice(-500)}`;
};

/** What emulated guests of that image are made with. */
export const guestSettings = (guest: GuestImage) => ({
  ...guest,
  kernelArguments:
    'root=LABEL=root rw console=ttyS0 quiet net.ifnames=0 mitigations=off nokaslr random.trust_cpu=on cryptomgr.notests audit=0 apparmor=0',
  accel: 'tcg',
  diskCache: 'unsafe',
  bootTimeoutSeconds: 1200,
});
