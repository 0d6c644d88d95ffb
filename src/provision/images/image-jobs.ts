import type { Host } from '../../hosts/host.ts';
import { type Job, startJob } from '../jobs/job.ts';
import { type OpenCluster, withCluster } from '../jobs/power.ts';
import { type ImageSource, imagesOf, loadImages } from './load-images.ts';

/** Loads image archives into all running nodes of a cluster. */
export const loadIntoCluster = (cluster: string, sources: readonly ImageSource[]): Job<void> =>
  startJob((push) =>
    withCluster(cluster, (open) =>
      withHosts(open, async (hosts) => {
        for await (const event of loadImages(hosts, sources)) push(event);
      }),
    ),
  );

/** Reference -> names of the nodes that have it. */
export const listImages = (cluster: string): Promise<Map<string, { id: string; nodes: string[] }>> =>
  withCluster(cluster, (open) =>
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
