/**
 * moto for tests: a public imitation of the APIs of AWS, from PyPI, in a virtual environment in the user's cache. Without Python or the
 * package the tests that need it are skipped, and say so.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { until } from '../until.ts';

const VERSION = '5.2.1';
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'slipway', 'judges');

/** Where moto is, or a sentence that says why there is none. To be called outside of a suite's namespaces, which have no way out. */
export const findMoto = (): { python: string } | { missing: string } => {
  const home = join(CACHE, `moto-${VERSION}`);
  const python = join(home, 'bin', 'python');
  if (existsSync(join(home, '.complete'))) return { python };
  if (process.env.SLIPWAY_SUITE) return { missing: 'moto was not there when the suite began' };
  console.error(`# installing moto ${VERSION} (once) ...`);
  // A virtual environment knows its own path, so it is made in place and marked once it is whole.
  try {
    mkdirSync(CACHE, { recursive: true });
    rmSync(home, { recursive: true, force: true });
    execFileSync('python3', ['-m', 'venv', home], { stdio: 'pipe' });
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', `moto==${VERSION}`, 'flask', 'flask-cors'], { stdio: 'pipe' });
  } catch (error) {
    return {
      missing: `moto ${VERSION} cannot be installed (apt-get install python3-venv?): ${(error as Error).message.slice(-300)}`,
    };
  }
  writeFileSync(join(home, '.complete.tmp'), '');
  renameSync(join(home, '.complete.tmp'), join(home, '.complete'));
  return { python };
};

export interface RunningMoto {
  endpoint: string;
  /** Forgets everything that was made. */
  reset(): Promise<void>;
  close(): void;
}

export const startMoto = async ({ python, folder, port }: { python: string; folder: string; port: number }): Promise<RunningMoto> => {
  const amis = join(folder, 'amis.json');
  writeFileSync(amis, JSON.stringify(IMAGES));
  const child: ChildProcess = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    env: {
      ...process.env,
      MOTO_AMIS_PATH: amis,
      MOTO_ENABLE_AMI_VALIDATION: '1',
      MOTO_ENABLE_KEYPAIR_VALIDATION: '1',
      MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION: '1',
    },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${endpoint}/moto-api/data.json`).catch(() => undefined))?.ok, { what: 'moto', withinMs: 60_000 });
  return {
    endpoint,
    reset: async () => void (await fetch(`${endpoint}/moto-api/reset`, { method: 'POST' })),
    close: () => void child.kill('SIGKILL'),
  };
};

/** Without a date of creation: moto reads it only once. */
const image = (id: string, owner: string, name: string): object => ({
  ami_id: id,
  state: 'available',
  public: true,
  owner_id: owner,
  name,
  architecture: 'x86_64',
  root_device_name: '/dev/xvda',
  root_device_type: 'ebs',
  virtualization_type: 'hvm',
  hypervisor: 'xen',
  image_type: 'machine',
  description: name,
  platform: null,
  image_location: `amazon/${name}`,
  sriov: 'simple',
});

export const OLDER_DEBIAN = 'ami-0deb12000000000a1';
export const NEWEST_DEBIAN = 'ami-0deb12000000000a2';
const IMAGES = [
  image(OLDER_DEBIAN, '136693071363', 'debian-12-amd64-20250814-2204'),
  image(NEWEST_DEBIAN, '136693071363', 'debian-12-amd64-20260210-2384'),
  image('ami-0ab2404000000000b', '099720109477', 'ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260101'),
];
