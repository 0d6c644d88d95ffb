import { createHash } from 'node:crypto';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { commandFailed } from '../../hosts/local/run-process.ts';
import { type ClusterContext, hostOf, onEveryNode } from '../cluster-context.ts';
import { demoImage, pauseImage } from '../images/builtin-images.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { NODE_PATHS, SERVICES } from '../spec/node-paths.ts';
import type { Step } from './step.ts';
import { failure, whileServiceLives } from './wait.ts';

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
  onEveryNode(context, context.spec.nodes, (node) => loadArchives(context, node, load));

/** The mark says what a node has been given, so that one that has it all is asked nothing else. */
const loadArchives = async (
  context: ClusterContext,
  node: NodeSpec,
  { mark, archives }: { mark: string; archives: readonly Buffer[] },
): Promise<{ changed: boolean }> => {
  if (!archives.length) return { changed: false };
  const host = hostOf(context, node);
  const digests = archives.map((archive) => createHash('sha256').update(archive).digest('hex'));
  const text = `${digests.join('\n')}\n`;
  const markFile = `${NODE_PATHS.data}/images/${mark}.sha256`;
  if ((await host.readFile(markFile))?.toString() === text) return { changed: false };
  await Promise.all(archives.map((archive, index) => host.writeFile(archiveOn(digests[index] ?? ''), archive, { mode: 0o600 })));
  await importOn(context, node, digests.map(archiveOn));
  await host.writeFile(markFile, text, { mode: 0o600 });
  return { changed: true };
};

const archiveOn = (digest: string): string => `${NODE_PATHS.data}/images/${digest.slice(0, 12)}.tar`;

/** containerd was started a moment ago: one that dies at its start, or never listens, is told with what it has logged. */
const importOn = async (context: ClusterContext, node: NodeSpec, paths: readonly string[]): Promise<void> => {
  const host = hostOf(context, node);
  const watched = {
    signal: context.signal,
    tried: `load images on ${host.name}`,
    logs: { host, service: SERVICES.containerd },
    advice: [`slipway up ${context.spec.name} --keep`, `slipway logs-of ${node.name} ${SERVICES.containerd}`],
  };
  const command = ['sh', '-c', importScript(paths)];
  const timeoutMs = context.options.timeoutMs ?? IMPORT_TIMEOUT_MS;
  const result = await whileServiceLives((signal) => host.run(command, { signal, timeoutMs, check: false }), watched);
  if (result.exitCode === NO_SOCKET) throw await failure(watched, `containerd has not opened its socket in ${SOCKET_SECONDS} s`);
  if (result.exitCode !== 0) throw commandFailed(['ctr', 'images', 'import', ...paths], host.name, result);
};

const SOCKET_SECONDS = 20;
/** The exit code that says so. */
const NO_SOCKET = 46;

/** The socket is awaited first, as ctr itself would wait a second between attempts. */
const importScript = (paths: readonly string[]): string => `set -e
tries=0
until [ -S ${NODE_PATHS.containerdSocket} ]; do tries=$((tries + 1)); [ $tries -lt ${SOCKET_SECONDS * 100} ] || exit ${NO_SOCKET}; sleep 0.01; done
load() { ctr --address ${NODE_PATHS.containerdSocket} --namespace k8s.io images import "$1" > "$1.log" 2>&1 || { cat "$1.log" >&2; return 1; }; rm -f "$1" "$1.log"; }
waiting=
for archive in ${paths.join(' ')}; do load "$archive" & waiting="$waiting $!"; done
for job in $waiting; do wait "$job"; done`;
