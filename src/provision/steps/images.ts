import { createHash } from 'node:crypto';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import { type ClusterContext, hostOf, onEveryNode } from '../cluster-context.ts';
import { demoImage, pauseImage } from '../images/builtin-images.ts';
import { NODE_PATHS } from '../spec/node-paths.ts';
import type { Step } from './step.ts';

/** What a node has been given, so that an unchanged one is not asked. */
const MARK = `${NODE_PATHS.data}/images/built-in.sha256`;
const IMPORT_TIMEOUT_MS = 60_000;

/** The images that Slipway makes itself: pause, under every pod, and the demo in two versions. */
export const images: Step<ClusterContext> = {
  name: 'images',
  title: 'Loading images',
  needs: ['container-runtime'],
  apply: async (context) => {
    const archives = await builtInArchives({ demoWanted: context.options.demo });
    return onEveryNode(context.spec.nodes, (node) => loadArchives(hostOf(context, node), archives, context.signal));
  },
};

/** Without a static busybox there is no demo image; that stops only who asked for the demo. */
const builtInArchives = async ({ demoWanted }: { demoWanted: boolean }): Promise<Buffer[]> => {
  const demos = await Promise.all((['1', '2'] as const).map((version) => demoImage(version))).catch((error: unknown) => {
    if (demoWanted || !(error instanceof SlipwayError)) throw error;
    return [];
  });
  return [await pauseImage(), ...demos];
};

const loadArchives = async (host: Host, archives: readonly Buffer[], signal: AbortSignal): Promise<{ changed: boolean }> => {
  const digests = archives.map((archive) => createHash('sha256').update(archive).digest('hex'));
  const mark = `${digests.join('\n')}\n`;
  if ((await host.readFile(MARK))?.toString() === mark) return { changed: false };
  await Promise.all(archives.map((archive, index) => host.writeFile(archiveOn(digests[index] ?? ''), archive, { mode: 0o600 })));
  await host.run(['sh', '-c', importScript(digests.map(archiveOn))], { signal, timeoutMs: IMPORT_TIMEOUT_MS });
  await host.writeFile(MARK, mark, { mode: 0o600 });
  return { changed: true };
};

const archiveOn = (digest: string): string => `${NODE_PATHS.data}/images/${digest.slice(0, 12)}.tar`;

/** containerd was started a moment ago: its socket is awaited first, as ctr itself would wait a second between attempts. */
const importScript = (paths: readonly string[]): string => `set -e
until [ -S ${NODE_PATHS.containerdSocket} ]; do sleep 0.01; done
load() { ctr --address ${NODE_PATHS.containerdSocket} --namespace k8s.io images import "$1" > "$1.log" 2>&1 || { cat "$1.log" >&2; return 1; }; rm -f "$1" "$1.log"; }
waiting=
for archive in ${paths.join(' ')}; do load "$archive" & waiting="$waiting $!"; done
for job in $waiting; do wait "$job"; done`;
