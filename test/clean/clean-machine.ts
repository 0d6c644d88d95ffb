/** A fresh Debian with a network, a /proc, a /run and control groups of its own, in a folder of this machine. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownCapabilities, ownOpenFilesLimit, sandboxConfig } from '../../src/drivers/local/sandbox-config.ts';

export interface CleanMachineOptions {
  /** Name of a Debian release, or a tar of a root that was made before. */
  base: string;
  packages: readonly string[];
}

/** How this machine reaches the registries of npm is taken over: settings, and the authorities that are trusted. */
const TAKEN_OVER = ['/etc/npmrc', '/etc/ssl/certs/ca-certificates.crt', join(homedir(), '.npmrc')];

/** slirp4netns gives the machine a way out through this process's sockets: no bridge, no rule and no route of the host is touched. */
const NAMESERVER = '10.0.2.3';

export class CleanMachine {
  readonly folder = mkdtempSync('/var/tmp/slipway-clean-');
  readonly root = join(this.folder, 'root');
  readonly #name = this.folder.slice('/var/tmp/'.length);
  #network: ChildProcess | undefined;
  readonly #runtime = ['runc', '--root', join(this.folder, 'runc')] as const;

  /** Unpacks the system. */
  make(options: CleanMachineOptions): void {
    const { base, packages } = options;
    mkdirSync(this.root);
    if (existsSync(base)) succeed(['tar', '--extract', '--numeric-owner', '--file', base, '--directory', this.root]);
    else succeed(['mmdebstrap', '--mode=root', '--quiet', '--variant=minbase', `--include=${packages.join(',')}`, base, this.root]);
    for (const file of TAKEN_OVER) {
      if (!existsSync(file)) continue;
      const inside = join(this.root, file.replace(homedir(), '/root'));
      mkdirSync(dirname(inside), { recursive: true });
      copyFileSync(file, inside);
    }
    writeFileSync(join(this.root, 'etc/resolv.conf'), `nameserver ${NAMESERVER}\n`);
    writeFileSync(join(this.root, 'etc/hosts'), '127.0.0.1 localhost clean\n');
  }

  /** Boots it, runs the script with bash as its only service, and answers the script's exit code. */
  async run(script: string): Promise<number> {
    writeFileSync(join(this.root, 'root/story.sh'), script);
    const config = sandboxConfig({
      hostname: 'clean',
      rootfs: this.root,
      // bash stays as first program: it reaps orphans.
      init: 'exec bash -c "cd /root; bash /root/story.sh; echo \\$? > /root/ended; mv /root/ended /root/exit-code"',
      cgroupsPath: `/${this.#name}`,
      privateFolders: {},
      privateFiles: {},
      hostMounts: [],
      capabilities: ownCapabilities(),
      maxOpenFiles: ownOpenFilesLimit(),
    });
    writeFileSync(join(this.folder, 'config.json'), JSON.stringify(config));
    const code = join(this.root, 'root/exit-code');
    const pidFile = join(this.folder, 'pid');
    succeed([...this.#runtime, 'create', '--bundle', this.folder, '--pid-file', pidFile, this.#name], 'inherit');
    const pid = readFileSync(pidFile, 'utf8');
    const network = spawn('slirp4netns', ['--configure', '--mtu=65520', '--disable-host-loopback', '--ready-fd=3', pid, 'tap0'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    this.#network = network;
    await new Promise((resolve, reject) => {
      network.once('exit', (code) => reject(new Error(`slirp4netns ended with ${code}`)));
      network.once('error', reject);
      network.stdio[3]?.once('data', resolve);
    });
    succeed([...this.#runtime, 'start', this.#name]);
    while (existsSync(`/proc/${pid}/ns/pid`) && !existsSync(code)) await sleep(200);
    return existsSync(code) ? Number(readFileSync(code, 'utf8')) : 1;
  }

  /** Power off, and nothing is left: processes, mounts and links die with their namespaces. */
  remove(): void {
    spawnSync('runc', [...this.#runtime.slice(1), 'delete', '--force', this.#name]);
    this.#network?.kill();
    spawnSync('rm', ['-rf', this.folder]);
  }
}

const succeed = (command: readonly string[], stdio: 'inherit' | 'pipe' = 'pipe'): void => {
  const [program = '', ...args] = command;
  const result = spawnSync(program, args, { stdio: stdio === 'inherit' ? ['ignore', 'inherit', 'inherit'] : 'pipe', encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${command.join(' ')}: ${result.error?.message ?? result.stderr ?? `exit ${result.status}`}`);
};
