import { SlipwayError } from '../base/errors/slipway-error.ts';
import { driverDescriptor } from '../drivers/index.ts';
import { addressOf, type ClusterContext, hostOf } from './cluster-context.ts';
import type { NodeSpec } from './spec/cluster-spec.ts';
import { AGENT_PORT } from './spec/node-paths.ts';

/**
 * Nodes of different drivers are on networks of their own, and those of sandboxes and virtual machines are known to this computer only. Every node
 * asks those of other drivers before anything is laid down, as a cluster whose nodes do not reach each other fails late and says little. A
 * refusal is an answer: nothing listens yet on a new node.
 */
export const unreachedAcross = async (context: ClusterContext): Promise<SlipwayError[]> => {
  const { nodes } = context.spec;
  const found = await Promise.all(
    nodes.map(async (node) => {
      const others = nodes.filter((other) => other.driver !== node.driver);
      if (!others.length) return [];
      const script = askScript(others.map((other) => addressOf(context, other)));
      const { stdout } = await hostOf(context, node).run(['sh', '-c', script], { check: false, timeoutMs: 20_000 });
      const silent = new Set(stdout.split('\n'));
      const unreached = others.filter((other) => silent.has(addressOf(context, other)));
      return unreached.length ? [unreachedError(context, { from: node, unreached })] : [];
    }),
  );
  return found.flat();
};

/** Prints the addresses that say nothing. Without bash nobody is asked, and nothing printed. */
const askScript = (addresses: readonly string[]): string => `ask() {
  said=$(LC_ALL=C timeout 3 bash -c ": < /dev/tcp/$1/${AGENT_PORT}" 2>&1); code=$?
  case "$code $said" in 124* | *unreachable* | *'No route'*) echo $1 ;; esac
}
for address in ${addresses.join(' ')}; do ask $address & done
wait`;

const unreachedError = (context: ClusterContext, { from, unreached }: { from: NodeSpec; unreached: readonly NodeSpec[] }): SlipwayError => {
  const { name } = hostOf(context, from);
  const addresses = unreached.map((node) => addressOf(context, node));
  return new SlipwayError('PREFLIGHT_FAILED', {
    tried: `use ${name} in one cluster with nodes of another driver`,
    cause: `${unreached.map((node, index) => `${node.name} (${addresses[index]})`).join(', ')} ${unreached.length === 1 ? 'does' : 'do'} not answer it on ${AGENT_PORT}/tcp, and all nodes must reach each other by these addresses`,
    advice: [...wayAdvice(context, { from, unreached }), `ping -c 1 ${addresses[0]}   # on ${name}`],
  });
};

/** Machines of a cloud are behind its firewall, and this computer is on the way to none of them; others are on networks that only it knows. */
const wayAdvice = (context: ClusterContext, { from, unreached }: { from: NodeSpec; unreached: readonly NodeSpec[] }): string[] => {
  const firewalled = unreached.filter(letsInByList);
  const known = letsInByList(from) ? [] : unreached.filter((node) => !letsInByList(node));
  const ranges = [...new Set(known.map((node) => addressOf(context, node).replace(/\.\d+$/, '.0/24')))];
  return [
    ...(known.length < unreached.length ? ['a VPN between both networks, by which private addresses are reached: docs/guides/aws.md'] : []),
    ...[...new Set(firewalled.map(({ driver }) => driver))].map(
      (driver) => `spec.drivers.${driver}.${NODE_LIST}: [${addressOf(context, from)}/32]   # in the cluster file: lets ${from.name} in`,
    ),
    ...ranges.map(
      (range) =>
        `ip route add ${range} via ADDRESS-OF-THIS-COMPUTER   # on ${hostOf(context, from).name}, where only this computer knows the way`,
    ),
  ];
};

/** The setting of drivers whose machines let in only what a list names. */
const NODE_LIST = 'nodeCidrs';

const letsInByList = ({ driver }: NodeSpec): boolean => driverDescriptor(driver).settings.some(({ name }) => name === NODE_LIST);
