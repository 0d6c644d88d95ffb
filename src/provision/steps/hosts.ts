import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { factsOf } from '../../hosts/facts/host-facts.ts';
import type { Host } from '../../hosts/host.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { commandOf, hostOf } from '../cluster-context.ts';
import { allDone, combineErrors } from '../combine-errors.ts';
import { readNodeFacts } from '../doctor/node-facts.ts';
import { type HostAnswer, type HostQuestion, hostFindings, takenPorts } from '../host-findings.ts';
import { markHost, type NodeMarker, sinceOf } from '../node-marker.ts';
import { overLostConnections } from '../over-lost-connections.ts';
import { decideOverlay } from '../pod-network.ts';
import { unreachedAcross } from '../reach-across.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { uninstall } from '../uninstall.ts';
import type { Step } from './step.ts';

/**
 * What every host is, found out once and on all at the same time; and whether it can be a node, before anything is laid down. Every host that
 * cannot is named. Then each gets its mark, and its address is saved.
 */
export const hosts: Step<ClusterContext> = {
  name: 'hosts',
  title: 'Checking hosts',
  needs: ['machines'],
  apply: async (context, report) => {
    const { spec } = context;
    const answers = await Promise.all(spec.nodes.map((node) => ask(context, node)));
    for (const warning of answers.flatMap((answer) => answer.warnings)) report(warning);
    refuse(context, [...answers, { errors: await unreachedAcross(context) }, { errors: changedUnseen(context, answers) }]);
    const taken = answers.filter(({ owner }) => owner === 'taken');
    await Promise.all(
      taken.map(async ({ host }) => {
        report(`taking Slipway off ${host.name}`);
        await uninstall(host);
      }),
    );
    refuse(context, await Promise.all(taken.map(({ node }) => ask(context, node, { again: true }))));
    const marked = await allDone(
      `make the cluster ${spec.name}`,
      answers.map((answer) => mark(context, answer)),
    );
    const addresses = Object.fromEntries([...context.machines].map(([name, machine]) => [name, machine.address]));
    context.state = { ...context.state, addresses: { ...context.state.addresses, ...addresses } };
    await context.folder.write(context.state);
    const overlay = await decideOverlay(context, report);
    return { changed: marked.some((result) => result.changed) || overlay.changed };
  },
  // A machine that is not ours goes on without what this run has laid down; the others go as a whole.
  undo: async (context) => {
    const { spec, newNodes, claimed, drivers } = context;
    const results = await Promise.allSettled(
      spec.nodes
        .filter((node) => newNodes.includes(node.name) && claimed.has(node.name))
        .map(async (node) => {
          if ((await drivers.of(node)).keepsMachines) await uninstall(hostOf(context, node));
        }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed)
      throw new SlipwayError('STEP_FAILED', {
        tried: 'take Slipway off hosts again',
        cause: failed.reason as Error,
        advice: spec.nodes.map((node) => `slipway node reset ${targetOf(node)}`),
      });
  },
};

type Asked = HostAnswer & { node: NodeSpec; host: Host };

const ask = async (context: ClusterContext, node: NodeSpec, options: { again?: boolean } = {}): Promise<Asked> => {
  const host = hostOf(context, node);
  const { signal } = context;
  const facts = await overLostConnections(() => factsOf(host, options), { signal });
  const question: HostQuestion = {
    host: host.name,
    target: targetOf(node),
    facts,
    marker: markerOf(context, node),
    nodes: context.spec.nodes.map(({ name }) => name),
    controlPlane: node.controlPlane,
    architecture: process.arch,
    force: context.options.force ?? false,
    yes: context.options.yes,
    command: commandOf(context),
  };
  const answer = hostFindings(question);
  // Who it is that listens takes a longer look, for which there is no need on most hosts.
  const { listeners } =
    answer.errors.length && takenPorts(question).length
      ? await overLostConnections(() => readNodeFacts(host), { signal })
      : { listeners: undefined };
  return { node, host, ...(listeners ? hostFindings({ ...question, listeners }) : answer) };
};

/**
 * Nodes that are there, and are said to be at another address, where nothing of them is: the machine that carries such a node would go on as it.
 * A host that was reset, and is still the node's, is laid anew.
 */
const changedUnseen = ({ spec, state, machines, newNodes }: ClusterContext, answers: readonly Asked[]): SlipwayError[] =>
  answers.flatMap(({ node, host, owner, errors }) => {
    const before = state.addresses[node.name];
    const isSame = newNodes.includes(node.name) || before === undefined || before === machines.get(node.name)?.address;
    // What else is wrong with it is told first.
    if (isSame || owner === 'us' || errors.length) return [];
    return new SlipwayError('PREFLIGHT_FAILED', {
      tried: `use ${host.name} as ${node.name}`,
      cause: `${node.name} is known at ${before}, and this host is not that machine: both would be the node`,
      advice: [
        node.controlPlane
          ? `slipway up ${spec.name}   # with the host that ${node.name} had: another one cannot become the control plane`
          : `slipway node replace ${node.name} --cluster ${spec.name} --host ${targetOf(node)}`,
      ],
    });
  });

const mark = async (context: ClusterContext, { node, host, owner }: Asked): Promise<{ changed: boolean }> => {
  context.claimed.add(node.name);
  const marker = { ...markerOf(context, node), since: sinceOf(node, (await factsOf(host)).marker) };
  try {
    return await markHost(host, marker, { owner, target: targetOf(node), command: commandOf(context) });
  } catch (error) {
    // It is another's: what takes this run back must not take that off.
    if (error instanceof SlipwayError && error.code === 'HOST_TAKEN') context.claimed.delete(node.name);
    throw error;
  }
};

/** As it is typed. */
const targetOf = ({ name, settings }: NodeSpec): string => (typeof settings['host'] === 'string' ? settings['host'] : name);

const refuse = ({ spec }: ClusterContext, answers: readonly Pick<Asked, 'errors'>[]): void => {
  const errors = answers.flatMap((answer) => answer.errors);
  if (errors.length) throw combineErrors(`make the cluster ${spec.name}`, errors);
};

const markerOf = ({ spec, state }: ClusterContext, node: NodeSpec): NodeMarker => ({
  cluster: spec.name,
  clusterCreatedAt: state.createdAt,
  node: node.name,
});
