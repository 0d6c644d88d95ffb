import type { Finding } from '../../drivers/driver.ts';
import type { Host } from '../../hosts/host.ts';
import { AGENT_PORT, API_PORT, NODE_PATHS, PROXY_PORT } from '../spec/node-paths.ts';

/** A node as others see it. */
export interface ReachedNode {
  name: string;
  address: string;
  controlPlane: boolean;
  host: Host;
  /** Of the API; absent when it does not answer. */
  podCidr: string | undefined;
  /** Whether pods are reached over VXLAN. */
  overlay: boolean;
}

const TIMEOUT_MS = 1500;

/** `refused` is an answer too: the packet went there and one came back. */
type Outcome = 'open' | 'refused' | 'silent';

/** Runs on a node with the Node.js that every node has: tools for this are on few machines. */
const CONNECT = `const net = require('node:net');
Promise.all(process.argv.slice(1).map((target) => new Promise((resolve) => {
  const [host, port] = target.split(' ');
  const socket = net.connect({ host, port: Number(port) });
  const end = (outcome) => { socket.destroy(); resolve([target, outcome]); };
  socket.setTimeout(${TIMEOUT_MS}, () => end('silent'));
  socket.once('connect', () => end('open')).once('error', (error) => end(error.code === 'ECONNREFUSED' ? 'refused' : 'silent'));
}))).then((found) => { console.log(JSON.stringify(found)); process.exit(0); });`;

/** Every node asks every other one: at its agent and its proxy, at the API, and through the overlay that its pods use. */
export const reachabilityFindings = async (nodes: readonly ReachedNode[]): Promise<(Finding & { node: string })[]> => {
  const found = await Promise.all(
    nodes.map(async (from) => {
      const others = nodes.filter((node) => node.name !== from.name);
      if (!others.length) return [];
      const outcomes = await connect(from.host, others.flatMap(targetsOf));
      return others.flatMap((to) => findingsFor(from.name, to, outcomes)).map((finding) => ({ ...finding, node: from.name }));
    }),
  );
  return found.flat();
};

const agentOf = (node: ReachedNode): string => `${node.address} ${AGENT_PORT}`;
const proxyOf = (node: ReachedNode): string => `${node.address} ${PROXY_PORT}`;
const apiOf = (node: ReachedNode): string => `${node.address} ${API_PORT}`;
/** The overlay's device has the first address of the node's range (agent/network/pods). Nothing need listen there. */
const tunnelOf = ({ podCidr = '' }: ReachedNode): string => `${podCidr.split('/')[0]} ${AGENT_PORT}`;

const targetsOf = (node: ReachedNode): string[] => [
  agentOf(node),
  proxyOf(node),
  ...(node.controlPlane ? [apiOf(node)] : []),
  ...(node.overlay && node.podCidr ? [tunnelOf(node)] : []),
];

const connect = async (host: Host, targets: readonly string[]): Promise<ReadonlyMap<string, Outcome>> => {
  const { stdout, exitCode } = await host.run([NODE_PATHS.node, '-e', CONNECT, ...targets], { check: false, timeoutMs: 20_000 });
  return new Map(exitCode === 0 ? (JSON.parse(stdout) as [string, Outcome][]) : []);
};

/** Pure, for its table. */
export const findingsFor = (
  from: string,
  to: Pick<ReachedNode, 'name' | 'address' | 'controlPlane' | 'podCidr' | 'overlay'>,
  outcomes: ReadonlyMap<string, Outcome>,
): Finding[] => {
  const target = to as ReachedNode;
  const isSilent = (name: string): boolean => outcomes.get(name) === 'silent';
  if (isSilent(agentOf(target)))
    return [
      {
        severity: 'error',
        problem: `${from} does not reach ${to.name} (${to.address}) on ${AGENT_PORT}/tcp: logs, exec and updates without loss do not work.`,
        fix: `open ${AGENT_PORT}/tcp, ${PROXY_PORT}/tcp${to.controlPlane ? `, ${API_PORT}/tcp` : ''} and 4789/udp between the nodes, for example: ufw allow from ${to.address}`,
      },
    ];
  return [
    ...(isSilent(proxyOf(target))
      ? [
          {
            severity: 'error' as const,
            problem: `${from} does not reach the service proxy of ${to.name} (${to.address}:${PROXY_PORT}): pods that end wait for it in vain.`,
            fix: `ufw allow ${PROXY_PORT}/tcp   # on ${to.name}`,
          },
        ]
      : []),
    ...(to.controlPlane && isSilent(apiOf(target))
      ? [
          {
            severity: 'error' as const,
            problem: `${from} does not reach the API on ${to.name} (${to.address}:${API_PORT}).`,
            fix: `ufw allow ${API_PORT}/tcp   # on ${to.name}`,
          },
        ]
      : []),
    ...(to.overlay && to.podCidr && isSilent(tunnelOf(target))
      ? [
          {
            severity: 'error' as const,
            problem: `${from} does not reach pods of ${to.name}: nothing comes back through the overlay.`,
            fix: `ufw allow 4789/udp   # on every node; on a cloud, in the security group`,
          },
        ]
      : []),
  ];
};
