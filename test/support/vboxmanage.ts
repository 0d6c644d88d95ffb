import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The real VBoxManage, as a command to stand before its arguments; or why there is none here. */
export type FoundVBoxManage = { command: string[]; close: () => void } | { missing: string };

/**
 * That of the host, else Debian sid's in a tree of its own, which is made once (a minute, 700 MB) and kept in ~/.cache/slipway. It can make,
 * change and list machines, networks and media; to start one it needs a kernel driver. `folder` is the same inside and outside; VirtualBox's
 * own list of machines is kept there too.
 */
export const findVBoxManage = (folder: string): FoundVBoxManage => {
  const found = prepareVBoxManage();
  if ('missing' in found) return found;
  process.env['VBOX_USER_HOME'] = join(folder, 'vbox');
  // Its service goes on for some seconds after the last call; it ends with the namespace, which the first program of it holds.
  return found.tree === undefined ? { command: ['VBoxManage'], close: () => {} } : enterTree(found.tree, folder);
};

/** Makes the tree where one is needed; a suite asks for it before it enters its namespaces, which have no network. */
export const prepareVBoxManage = (): { tree: string | undefined } | { missing: string } => {
  if (spawnSync('VBoxManage', ['--version']).status === 0) return { tree: undefined };
  if (process.getuid?.() !== 0) return { missing: 'VBoxManage is not installed, and only root can make a tree with it' };
  const tree = join(homedir(), '.cache/slipway/virtualbox-sid');
  const program = join(tree, 'usr/bin/VBoxManage');
  if (existsSync(program)) return { tree };
  if (spawnSync('mmdebstrap', ['--version']).status !== 0) return { missing: 'neither VBoxManage nor mmdebstrap is installed' };
  mkdirSync(join(homedir(), '.cache/slipway'), { recursive: true });
  const built = spawnSync('mmdebstrap', [...OPTIONS, '--include=virtualbox', 'sid', tree, mirror()], {
    encoding: 'utf8',
    timeout: 900_000,
  });
  if (built.status !== 0 || !existsSync(program)) return { missing: `mmdebstrap failed: ${built.stderr?.split('\n').at(-3)}` };
  return { tree };
};

const OPTIONS = [
  ...['--variant=apt', '--components=main,contrib', '--quiet'],
  // A mirror that is not copied every day is good enough for a test.
  ...['--aptopt=Apt::Install-Recommends "false"', '--aptopt=Acquire::Check-Valid-Until "false"'],
];

/** The Debian mirror that this host uses. */
const mirror = (): string => {
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  const sources = read('/etc/apt/sources.list.d/debian.sources') + read('/etc/apt/sources.list');
  return /^(?:URIs:|deb)\s+(\S+\/debian\/?)(?:\s|$)/m.exec(sources)?.[1] ?? '';
};

const enterTree = (tree: string, folder: string): FoundVBoxManage => {
  const script = [
    'mount --make-rprivate /',
    `mkdir -p "${tree}${folder}"`,
    `mount --bind "${folder}" "${tree}${folder}"`,
    `mount --bind /dev "${tree}/dev"`,
    `mount -t proc proc "${tree}/proc"`,
    `mount -t tmpfs tmpfs "${tree}/tmp"`,
    `mount -t tmpfs tmpfs "${tree}/run"`,
    'exec sleep infinity',
  ].join(' && ');
  const started = spawnSync('sh', ['-c', `setsid unshare --mount --pid --fork --kill-child sh -c '${script}' > /dev/null 2>&1 & echo $!`], {
    encoding: 'utf8',
  });
  const outer = Number(started.stdout);
  const inner = (): number => Number(readFileSync(`/proc/${outer}/task/${outer}/children`, 'utf8').trim().split(' ')[0]);
  let pid = 0;
  for (let attempt = 0; attempt < 200 && !pid; attempt++) {
    spawnSync('sleep', ['0.02']);
    if (inner() && readFileSync(`/proc/${inner()}/mounts`, 'utf8').includes(`${tree}/run `)) pid = inner();
  }
  return {
    command: ['nsenter', '--mount', '--pid', '--target', String(pid), 'chroot', tree, 'VBoxManage'],
    close: () => void process.kill(outer, 'SIGKILL'),
  };
};
