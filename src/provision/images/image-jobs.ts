import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../../hosts/host.ts';
import { step } from '../jobs/down.ts';
import { type Job, startJob } from '../jobs/job.ts';
import { type OpenCluster, withReachedCluster } from '../jobs/power.ts';
import { type BuildOptions, buildImage } from './build-image.ts';
import { type ImageSource, imagesOf, loadImages } from './load-images.ts';

/** Loads image archives into all running nodes of a cluster. */
export const loadIntoCluster = (cluster: string, sources: readonly ImageSource[]): Job<void> =>
  startJob((push) =>
    withReachedCluster(cluster, (open) =>
      withHosts(open, async (hosts) => {
        for await (const event of loadImages(hosts, sources)) push(event);
      }),
    ),
  );

export interface BuildJobOptions extends Omit<BuildOptions, 'archive' | 'onLine'> {
  /** Whose nodes it is loaded into; none where it is left out. */
  cluster?: string | undefined;
  /** A file that is written with the image too. */
  archive?: string | undefined;
}

/** Builds an image and loads it into all running nodes of a cluster. What the builder says are the details of its step. */
export const buildForCluster = ({ cluster, archive: kept, ...build }: BuildJobOptions): Job<{ image: string }> =>
  startJob(async (push) => {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-build-'));
    try {
      const archive = join(folder, 'image.tar');
      const onLine = (detail: string): void => push({ type: 'step-detail', step: 'build-image', detail });
      await step(push, { name: 'build-image', title: `Building ${build.tag}` }, () => buildImage({ ...build, archive, onLine }));
      if (kept !== undefined) await copyFile(archive, kept);
      if (cluster !== undefined) {
        const loading = loadIntoCluster(cluster, [{ path: archive }]);
        for await (const event of loading.events) push(event);
        await loading.result;
      }
      return { image: build.tag };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

/** Reference -> names of the nodes that have it. */
export const listImages = (cluster: string): Promise<Map<string, { id: string; nodes: string[] }>> =>
  withReachedCluster(cluster, (open) =>
    withHosts(open, async (hosts, nodes) => {
      const found = new Map<string, { id: string; nodes: string[] }>();
      const perHost = await Promise.all(
        hosts.map(async (host, index) => ({ node: nodes[index] ?? host.name, images: await imagesOf(host) })),
      );
      for (const { node, images } of perHost)
        for (const [reference, id] of images) {
          const entry = found.get(reference) ?? { id, nodes: [] };
          entry.nodes.push(node);
          found.set(reference, entry);
        }
      return found;
    }),
  );

const withHosts = async <T>({ drivers }: OpenCluster, work: (hosts: Host[], nodes: string[]) => Promise<T>): Promise<T> => {
  const running = (await drivers.list()).filter(({ machine }) => machine.state === 'running');
  const hosts = await Promise.all(running.map(({ driver, machine }) => driver.connect(machine)));
  try {
    return await work(
      hosts,
      running.map(({ machine }) => machine.name),
    );
  } finally {
    await Promise.all(hosts.map((host) => host.close()));
  }
};
