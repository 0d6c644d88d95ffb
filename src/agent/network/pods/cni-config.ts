import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Of all the files in the directory containerd takes the first by name. */
export const CNI_FILE = '10-slipway.conflist';

/** Leases live on the tmpfs of /run: after a power failure no pod is left that could hold one. */
const LEASE_DIR = '/run/slipway/cni-leases';

/**
 * A veth pair per pod with a route on the node (`ptp`): unlike a bridge it needs neither hairpin mode nor bridge-nf for Services
 * whose target is on the same node. `portmap` serves hostPort. Version 1.0.0 is the newest that Debian 12's plugins know.
 */
export const cniConfig = (options: { podCidr: string; mtu?: number | undefined }): string =>
  `${JSON.stringify(
    {
      cniVersion: '1.0.0',
      name: 'slipway',
      plugins: [
        {
          type: 'ptp',
          ipMasq: false,
          ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
          ipam: {
            type: 'host-local',
            dataDir: LEASE_DIR,
            ranges: [[{ subnet: options.podCidr }]],
            routes: [{ dst: '0.0.0.0/0' }],
          },
        },
        { type: 'portmap', capabilities: { portMappings: true }, snat: true },
      ],
    },
    null,
    2,
  )}\n`;

/** Atomic, and only when it differs: containerd reloads its network on every change of the directory. */
export const writeCniConfig = async (directory: string, text: string): Promise<void> => {
  const path = join(directory, CNI_FILE);
  await mkdir(directory, { recursive: true });
  const current = await readFile(path, 'utf8').catch(() => undefined);
  if (current === text) return;
  const temporary = join(directory, `.${CNI_FILE}.new`);
  await writeFile(temporary, text, { mode: 0o644 });
  await rename(temporary, path);
};
