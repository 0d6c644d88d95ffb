import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MachineSpec } from '../drivers/driver.ts';
import { loadDriver } from '../drivers/index.ts';
import type { Host } from '../hosts/host.ts';
import { openJournal } from './state/cluster-journal.ts';

/**
 * Reaches a host before it becomes a node. Nothing is left on it, and nothing of it is remembered. `keysIn`: the folder of a cluster, whose known
 * host keys hold here too.
 */
export const withHostToBe = async <T>(
  { driver: name, spec, keysIn, signal }: { driver: string; spec: MachineSpec; keysIn?: string | undefined; signal: AbortSignal },
  work: (host: Host) => Promise<T>,
): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-host-'));
  let host: Host | undefined;
  try {
    // A cluster may have pinned none yet.
    if (keysIn) await copyFile(join(keysIn, 'known_hosts'), join(folder, 'known_hosts')).catch(() => undefined);
    const driver = await loadDriver(name, {
      dataDir: folder,
      stateDir: folder,
      requirements: [],
      settings: {},
      journal: openJournal(folder),
    });
    host = await driver.connect(await driver.create(spec, { signal, progress: () => {} }));
    return await work(host);
  } finally {
    await host?.close();
    await rm(folder, { recursive: true, force: true });
  }
};
