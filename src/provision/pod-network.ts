import { randomInt } from 'node:crypto';
import { factsOf } from '../hosts/facts/host-facts.ts';
import type { Host } from '../hosts/host.ts';
import { addressOf, type ClusterContext, hostOf } from './cluster-context.ts';
import { sameSubnet } from './same-subnet.ts';
import type { NodeSpec } from './spec/cluster-spec.ts';

/**
 * How pods of different nodes reach each other: by plain routes where all hosts share one network segment that carries packets with addresses of
 * pods, in VXLAN elsewhere. Found out by sending such a packet, as the same subnet alone says little: clouds drop what does not come
 * from the machine's own address.
 *
 *   routes --a new node does not share the segment--> vxlan         vxlan stays: a change makes every agent begin anew
 */
export const decideOverlay = async (context: ClusterContext, report: (detail: string) => void): Promise<{ changed: boolean }> => {
  const { spec, state } = context;
  if ([...context.machines.values()].every((machine) => machine.sameNetwork)) return { changed: false };
  const isKnown = state.overlay !== undefined && (state.overlay === 'vxlan' || context.newNodes.length === 0);
  if (isKnown) return { changed: false };
  const overlay = (await shareSegment(context)) ? 'routes' : 'vxlan';
  if (overlay === state.overlay) return { changed: false };
  report(overlay === 'routes' ? 'hosts share one network: pods are routed' : `pods of ${spec.name} travel in VXLAN`);
  context.state = { ...state, overlay };
  await context.folder.write(context.state);
  return { changed: true };
};

/** For agents. */
export const overlayOf = ({ machines, state }: ClusterContext): 'routes' | 'vxlan' =>
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
  const results = await Promise.all(asked.map((node) => carries(context, { from: first, to: node })));
  return results.every(Boolean);
};

/** Whether a packet to an address of pods, sent from one host by way of another, is answered. What is set for it is taken away at once. */
const carries = async (context: ClusterContext, { from, to }: { from: NodeSpec; to: NodeSpec }): Promise<boolean> => {
  const [sender, receiver] = [hostOf(context, from), hostOf(context, to)];
  const address = testAddress(context.spec.network.podCidr);
  const shell = (host: Host, script: string) => host.run(['sh', '-c', script], { check: false, timeoutMs: 15_000 });
  try {
    const there = await shell(receiver, `ip address add ${address}/32 dev lo`);
    if (there.exitCode !== 0) return false;
    const sent = await shell(sender, `ip route add ${address}/32 via ${addressOf(context, to)} && ${ask(address)}`);
    return sent.exitCode === 0;
  } finally {
    await shell(sender, `ip route del ${address}/32`);
    await shell(receiver, `ip address del ${address}/32 dev lo`);
  }
};

/** ping, or where there is none, a connection by bash: one that is refused was answered, too. */
const ask = (address: string): string => `if command -v ping > /dev/null; then ping -c 1 -W 2 ${address} > /dev/null
else said=$(timeout 2 bash -c ': < /dev/tcp/${address}/9' 2>&1); [ $? -ne 124 ] && case $said in *unreachable* | *'No route'*) false ;; *) true ;; esac; fi`;

/** One of the last addresses of the range: nodes get theirs from its beginning. */
const testAddress = (podCidr: string): string => {
  const [base = '', length] = podCidr.split('/');
  const start = base.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const value = start + 2 ** (32 - Number(length)) - 2 - randomInt(100);
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
};
