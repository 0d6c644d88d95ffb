import { randomInt } from 'node:crypto';
import type { Overlay } from '../api/config/agent-config.ts';
import { factsOf } from '../hosts/facts/host-facts.ts';
import type { Host } from '../hosts/host.ts';
import { addressOf, type ClusterContext, hostOf } from './cluster-context.ts';
import { sameSubnet } from './same-subnet.ts';
import type { NodeSpec } from './spec/cluster-spec.ts';

/**
 * How pods of different nodes reach each other: by plain routes where all hosts share one network segment that carries packets with addresses of
 * pods, in VXLAN elsewhere. Found out by sending such a packet, as the same subnet alone says little: clouds drop what does not come
 * from the machine's own address. By the routes of a cloud's network where that is wished, and all machines are of that cloud.
 *
 *   routes --a new node does not share the segment--> vxlan         vxlan stays, unless a cloud's routes are wished: a change makes every agent begin anew
 *   cloud --wished no more, or a node elsewhere--> vxlan
 */
export const decideOverlay = async (context: ClusterContext, report: (detail: string) => void): Promise<{ changed: boolean }> => {
  const { state } = context;
  if ([...context.machines.values()].every((machine) => machine.sameNetwork)) return { changed: false };
  const overlay = (await knownOverlay(context)) ?? ((await shareSegment(context)) ? 'routes' : 'vxlan');
  if (overlay === state.overlay) return { changed: false };
  report(REPORTS[overlay]);
  context.state = { ...state, overlay };
  await context.folder.write(context.state);
  return { changed: true };
};

const REPORTS: Record<Overlay, string> = {
  routes: 'hosts share one network: pods are routed',
  vxlan: 'pods travel in VXLAN',
  cloud: 'pods are routed by the network of the cloud',
};

/** Without a question to the hosts. Undefined where only they can tell. */
export const knownOverlay = async ({
  spec,
  state,
  drivers,
  newNodes,
}: Pick<ClusterContext, 'spec' | 'state' | 'drivers' | 'newNodes'>): Promise<Overlay | undefined> => {
  const clouds = await Promise.all(spec.nodes.map(async (node) => (await drivers.of(node)).cloud));
  if (clouds.every((cloud) => cloud?.podRoutes)) return 'cloud';
  if (state.overlay === 'cloud' || state.overlay === 'vxlan') return 'vxlan';
  return newNodes.length === 0 ? state.overlay : undefined;
};

/** For agents. */
export const overlayOf = ({ machines, state }: Pick<ClusterContext, 'machines' | 'state'>): Overlay =>
  [...machines.values()].every((machine) => machine.sameNetwork) ? 'routes' : (state.overlay ?? 'vxlan');

/** Machines of other drivers are not asked: they are elsewhere. */
const shareSegment = async (context: ClusterContext): Promise<boolean> => {
  const { nodes } = context.spec;
  const [first, ...others] = nodes;
  if (!first || nodes.some((node) => node.driver !== first.driver)) return false;
  const facts = await Promise.all(
    nodes.map(async (node) => ({ address: addressOf(context, node), facts: await factsOf(hostOf(context, node)) })),
  );
  if (!sameSubnet(facts)) return false;
  const asked = context.state.overlay === 'routes' ? others.filter((node) => context.newNodes.includes(node.name)) : others;
  return carries(context, { from: first, to: asked });
};

/**
 * Whether packets to addresses of pods, sent from one host by way of each other one, are answered. What is set for it is taken away at once, and
 * an address goes by itself when this run does not get to it.
 */
const carries = async (context: ClusterContext, { from, to }: { from: NodeSpec; to: readonly NodeSpec[] }): Promise<boolean> => {
  const first = randomInt(TEST_ADDRESSES);
  const asked = to.map((node, index) => {
    const address = testAddress(context.spec.network.podCidr, (first + index) % TEST_ADDRESSES);
    return { host: hostOf(context, node), address, via: addressOf(context, node) };
  });
  const shell = (host: Host, script: string) => host.run(['sh', '-c', script], { check: false, timeoutMs: 15_000 });
  const onAll = (script: (address: string) => string) => Promise.all(asked.map(({ host, address }) => shell(host, script(address))));
  try {
    const there = await onAll((address) => `ip address add ${address}/32 dev lo valid_lft 60 preferred_lft 60`);
    if (there.some((result) => result.exitCode !== 0)) return false;
    return (await shell(hostOf(context, from), askScript(asked))).exitCode === 0;
  } finally {
    await onAll((address) => `ip address del ${address}/32 dev lo`);
  }
};

/** Ends with 0 when all have answered. */
const askScript = (asked: readonly { address: string; via: string }[]): string => `
ask() { ${ASK}; }
forget() { for route in ${asked.map(({ address }) => address).join(' ')}; do ip route del $route/32; done; }
trap forget EXIT
jobs= failed=0
${asked.map(({ address, via }) => `ip route add ${address}/32 via ${via} || exit 1; ask ${address} & jobs="$jobs $!"`).join('\n')}
for job in $jobs; do wait $job || failed=1; done
exit $failed`;

/** ping, or where there is none, a connection by bash: one that is refused was answered, too. */
const ASK = `if command -v ping > /dev/null; then ping -c 1 -W 2 $1 > /dev/null
else said=$(timeout 2 bash -c ": < /dev/tcp/$1/9" 2>&1); [ $? -ne 124 ] && case $said in *unreachable* | *'No route'*) false ;; *) true ;; esac; fi`;

/** As many as one run can ask about: a cluster has fewer hosts. */
const TEST_ADDRESSES = 200;

/** One of the last addresses of the range: nodes get theirs from its beginning. */
const testAddress = (podCidr: string, index: number): string => {
  const [base = '', length] = podCidr.split('/');
  const start = base.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const value = start + 2 ** (32 - Number(length)) - 2 - index;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
};
