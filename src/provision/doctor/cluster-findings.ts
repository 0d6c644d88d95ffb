import { node as nodes } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { Node } from '../../api/types/core-v1.ts';
import type { Machine } from '../../drivers/driver.ts';
import type { Host } from '../../hosts/host.ts';
import type { CertificateStatus } from '../cluster-certificates.ts';
import { openDrivers } from '../cluster-drivers.ts';
import { type ClusterStatus, clusterStatus } from '../cluster-status.ts';
import { openClient } from '../open-client.ts';
import { overlayOf } from '../pod-network.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { SERVICES } from '../spec/node-paths.ts';
import { type ClusterState, ClusterStateFolder } from '../state/cluster-state.ts';
import { clockFindings } from './clocks.ts';
import type { AboutFinding } from './diagnose.ts';
import { NODE_CHECKS, type NodeRole } from './node-checks.ts';
import { type NodeFacts, readNodeFacts } from './node-facts.ts';
import { type ReachedNode, reachabilityFindings } from './reachability.ts';

/** What is wrong with one cluster: as it is remembered, as its API tells, and on each of its nodes. Never throws. */
export const clusterFindings = async (name: string): Promise<AboutFinding[]> => {
  const about = `cluster ${name}`;
  const error = (problem: string, fix: string): AboutFinding => ({ about, severity: 'error', problem, fix });
  let status: ClusterStatus;
  try {
    status = await clusterStatus(name);
  } catch (failure) {
    return [error(failure instanceof Error ? failure.message : String(failure), `slipway down ${name} --force`)];
  }
  if (status.phase === 'creating') return [error('Its making was interrupted.', `slipway up ${name}`)];
  if (status.phase === 'deleting') return [error('Its removal was interrupted.', `slipway down ${name}`)];
  if (status.phase === 'stopped') return [];
  const off = status.nodes.filter((node) => node.machine !== 'running');
  const { upgrade } = status;
  return [
    ...(upgrade
      ? [
          error(
            `Its upgrade from ${upgrade.from} to ${upgrade.to} has not ended.`,
            `slipway upgrade ${name}   # goes on; with --rollback, back`,
          ),
        ]
      : []),
    ...off.map((node) => error(`The node ${node.name} is ${node.machine}.`, `slipway node start ${node.name} --cluster ${name}`)),
    ...(status.api.answers ? [] : [error(`Its API does not answer: ${status.api.reason}.`, `slipway start ${name}`)]),
    ...status.nodes
      .filter((node) => node.machine === 'running' && node.ready === false)
      .map((node) => error(`The node ${node.name} is not Ready.`, `slipway logs-of ${node.name} slipway-agent --cluster ${name}`)),
    ...status.certificates
      .filter(({ state }) => state !== 'good')
      .map((certificate) =>
        error(certificateProblem(certificate), `slipway certs rotate ${name}${certificate.name.startsWith('ca') ? ' --ca' : ''}`),
      ),
    ...(await nodeFindings(name).catch((failure: unknown) => [
      error(`Its nodes could not be looked at: ${failure instanceof Error ? failure.message : String(failure)}.`, `slipway status ${name}`),
    ])),
  ];
};

const certificateProblem = ({ name, node, state, notAfter, daysLeft }: CertificateStatus): string => {
  const which = `The certificate ${name}${node ? ` of ${node}` : ''}`;
  return state === 'ended' ? `${which} has ended (${notAfter}).` : `${which} ends in ${daysLeft} days, and was not renewed.`;
};

interface LookedAt {
  node: NodeSpec;
  machine: Machine;
  host: Host;
  facts: NodeFacts;
}

/** All nodes at once; one that cannot be looked at does not keep the others from it. */
const nodeFindings = async (name: string): Promise<AboutFinding[]> => {
  const folder = new ClusterStateFolder(name);
  const state = await folder.require();
  const drivers = openDrivers(state.spec, { folder, dataDir: state.dataDir });
  const findings: AboutFinding[] = [];
  const lookedAt: LookedAt[] = [];
  try {
    await Promise.all(
      state.spec.nodes.map(async (node) => {
        const about = `cluster ${name}: ${node.name}`;
        const machine = await drivers.describe(node);
        if (machine?.state !== 'running') return;
        try {
          const host = await (await drivers.of(node)).connect(machine);
          lookedAt.push({ node, machine, host, facts: await readNodeFacts(host) });
        } catch (error) {
          const problem = error instanceof Error ? error.message : String(error);
          findings.push({ about, severity: 'error', problem, fix: `slipway node list --cluster ${name}` });
        }
      }),
    );
    const perNode = await Promise.all(lookedAt.map((each) => findingsOf(each, state)));
    const clocks = clockFindings(new Map(lookedAt.map(({ node, facts }) => [node.name, facts])));
    const reach = await reachabilityFindings(await reachedNodes(lookedAt, { folder, state }));
    return [
      ...findings,
      ...perNode.flat(),
      ...clocks.map((finding) => ({ ...finding, about: `cluster ${name}` })),
      ...reach.map(({ node: _, ...finding }) => ({ ...finding, about: `cluster ${name}` })),
    ];
  } finally {
    await Promise.all(lookedAt.map(({ host }) => host.close()));
  }
};

const findingsOf = async ({ node, host, facts }: LookedAt, { spec }: ClusterState): Promise<AboutFinding[]> => {
  const { podCidr, clusterDns, nodePortRange } = spec.network;
  const role: NodeRole = { name: node.name, controlPlane: node.controlPlane, isNode: true, podCidr, clusterDns, nodePortRange };
  const wanted = Object.values(SERVICES).filter((service) => service !== SERVICES.server || node.controlPlane);
  const services = await Promise.all(wanted.map(async (service) => ({ service, is: await host.services.status(service) })));
  return [
    ...services
      .filter(({ is }) => is !== 'running')
      .map(({ service, is }) => ({
        severity: 'error' as const,
        problem: `The service ${service} of ${node.name} is ${is}.`,
        fix: is === 'absent' ? `slipway up ${spec.name}` : `slipway logs-of ${node.name} ${service} --cluster ${spec.name}`,
      })),
    ...NODE_CHECKS.flatMap((check) => check(facts, role)),
  ].map((finding) => ({ ...finding, about: `cluster ${spec.name}: ${node.name}` }));
};

const reachedNodes = async (
  lookedAt: readonly LookedAt[],
  { folder, state }: { folder: ClusterStateFolder; state: ClusterState },
): Promise<ReachedNode[]> => {
  const ranges = await podRanges(folder);
  const machines = new Map(lookedAt.map(({ node, machine }) => [node.name, machine]));
  const overlay = overlayOf({ machines, state }) === 'vxlan';
  return lookedAt.map(({ node, machine, host }) => ({
    name: node.name,
    address: machine.address,
    controlPlane: node.controlPlane,
    host,
    podCidr: ranges.get(node.name),
    overlay,
  }));
};

const podRanges = async (folder: ClusterStateFolder): Promise<ReadonlyMap<string, string>> => {
  try {
    const { client, close } = await openClient(folder);
    try {
      const { items } = await client.list<Stored<Node>>(nodes, { signal: AbortSignal.timeout(5000) });
      return new Map(items.flatMap(({ metadata, spec }) => (spec?.podCIDR ? [[metadata.name ?? '', spec.podCIDR] as const] : [])));
    } finally {
      await close();
    }
  } catch {
    // That the API does not answer is a finding of its own.
    return new Map();
  }
};
