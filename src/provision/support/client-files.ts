import { readdir, readFile, stat } from 'node:fs/promises';
import { arch, cpus, freemem, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { PRODUCT_VERSION, SERVED_KUBERNETES_VERSION } from '../../base/product.ts';
import { runProcess } from '../../hosts/local/run-process.ts';
import { readCertificate } from '../../pki/certificates.ts';
import { clusterStatus } from '../cluster-status.ts';
import { diagnose } from '../doctor/diagnose.ts';
import type { ClusterStateFolder } from '../state/cluster-state.ts';
import { attempt, type BundleFile, type Collected, newest } from './bundle-file.ts';

/** What this computer knows: versions, how the cluster is, findings, state and journal; of certificates what they say, never a key. */
export const clientFiles = async (folder: ClusterStateFolder): Promise<Collected> => {
  const collected: Collected = { files: [], missing: [] };
  await Promise.all([
    attempt(collected, 'versions', async () => ({ path: 'versions.json', content: await versions() })),
    attempt(collected, 'status', async () => ({ path: 'status.json', content: await clusterStatus(folder.name) })),
    attempt(collected, 'doctor', async () => ({ path: 'doctor.json', content: await diagnose({ cluster: folder.name }) })),
    // As text: a file that cannot be parsed is often the trouble.
    ...['state.json', 'journal.jsonl', 'known_hosts'].map((name) =>
      attempt(collected, name, async () => {
        const text = await folder.readFile(name);
        return text === undefined ? [] : { path: `client/${name}`, content: newest(text) };
      }),
    ),
    attempt(collected, 'list of files', async () => ({ path: 'client/files.txt', content: await listing(folder.path) })),
    attempt(collected, 'certificates', () => certificates(join(folder.path, 'pki'))),
  ]);
  return collected;
};

const versions = async (): Promise<object> => {
  const tools = ['containerd', 'runc', 'nft', 'ip', 'runsvdir', 'virsh', 'VBoxManage', 'ssh'];
  const found = await Promise.all(tools.map(async (tool) => [tool, await versionOf(tool)] as const));
  return {
    slipway: PRODUCT_VERSION,
    kubernetes: SERVED_KUBERNETES_VERSION,
    node: process.version,
    system: {
      platform: platform(),
      kernel: release(),
      architecture: arch(),
      cpus: cpus().length,
      memoryMiB: Math.round(totalmem() / 2 ** 20),
      freeMiB: Math.round(freemem() / 2 ** 20),
    },
    isRoot: process.geteuid?.() === 0,
    tools: Object.fromEntries(found),
  };
};

const versionOf = async (tool: string): Promise<string> => {
  const flag = tool === 'ip' || tool === 'ssh' ? '-V' : '--version';
  const { exitCode, stdout, stderr } = await runProcess([tool, flag], { where: 'this host', check: false, timeoutMs: 5000 });
  return exitCode === 127 ? 'absent' : ((stdout || stderr).split('\n')[0] ?? '');
};

const listing = async (path: string): Promise<string> => {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const lines = await Promise.all(
    entries.map(async (entry) => {
      const at = join(entry.parentPath, entry.name);
      const { mode, size, mtime } = await stat(at);
      return `${(mode & 0o7777).toString(8).padStart(4, '0')} ${String(size).padStart(9)} ${mtime.toISOString()} ${at.slice(path.length + 1)}`;
    }),
  );
  return `${lines.sort().join('\n')}\n`;
};

const certificates = async (folder: string): Promise<BundleFile> => {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.crt')).sort();
  const content = await Promise.all(names.map(async (name) => ({ name, ...readCertificate(await readFile(join(folder, name), 'utf8')) })));
  return { path: 'client/certificates.json', content };
};
