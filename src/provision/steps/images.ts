import { createHash } from 'node:crypto';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import { type ClusterContext, hostOf, onEveryNode } from '../cluster-context.ts';
import { demoImage, pauseImage } from '../images/builtin-images.ts';
import { NODE_PATHS } from '../spec/node-paths.ts';
import type { Step } from './step.ts';

const IMPORT_TIMEOUT_MS = 60_000;

/** The images that Slipway makes itself and that `up` waits for: pause, under every pod, and the demo. */
export const images: Step<ClusterContext> = {
  name: 'images',
  title: 'Loading images',
  plannable: true,
  needs: ['container-runtime'],
  apply: async (context) => {
    const demo = await demoArchive('1', { wanted: context.options.demo });
    return loadOnEveryNode(context, { mark: 'first', archives: [await pauseImage(), ...demo] });
  },
};

/** The second version of the demo, for a first rolling update: it shares its layers with the first, and nothing waits for it. */
export const laterImages: Step<ClusterContext> = {
  name: 'later-images',
  title: 'Loading the second demo image',
  plannable: true,
  needs: ['images', 'demo-answers'],
  apply: async (context) => loadOnEveryNode(context, { mark: 'later', archives: await demoArchive('2', { wanted: false }) }),
};

/** Without a static busybox there is no demo image; that stops only who asked for the demo. */
const demoArchive = async (version: '1' | '2', { wanted }: { wanted: boolean }): Promise<Buffer[]> => {
  try {
    return [await demoImage(version)];
  } catch (error) {
    if (wanted || !(error instanceof SlipwayError)) throw error;
    return [];
  }
};

const loadOnEveryNode = (context: ClusterContext, load: { mark: string; archives: readonly Buffer[] }): Promise<{ changed: boolean }> =>
  onEveryNode(context, context.spec.nodes, (node) => loadArchives(hostOf(context, node), load, context));

/** The mark says what a node has been given, so that one that has it all is asked nothing else. */
const loadArchives = async (
  host: Host,
  { mark, archives }: { mark: string; archives: readonly Buffer[] },
  { signal, options }: Pick<ClusterContext, 'signal' | 'options'>,
): Promise<{ changed: boolean }> => {
  if (!archives.length) return { changed: false };
  const digests = archives.map((archive) => createHash('sha256').update(archive).digest('hex'));
  const text = `${digests.join('\n')}\n`;
  const markFile = `${NODE_PATHS.data}/images/${mark}.sha256`;
  if ((await host.readFile(markFile))?.toString() === text) return { changed: false };
  await Promise.all(archives.map((archive, index) => host.writeFile(archiveOn(digests[index] ?? ''), archive, { mode: 0o600 })));
  await host.run(['sh', '-c', importScript(digests.map(archiveOn))], { signal, timeoutMs: options.timeoutMs ?? IMPORT_TIMEOUT_MS });
  await host.writeFile(markFile, text, { mode: 0o600 });
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
