import type { Finding } from '../../drivers/driver.ts';
import { factsOf, type HostFacts } from '../../hosts/facts/host-facts.ts';
import { distributionFamily } from '../../hosts/packages/distribution-family.ts';
import { installCommand } from '../../hosts/packages/install-packages.ts';
import { hostFindings } from '../host-findings.ts';
import { withHostToBe } from '../host-to-be.ts';
import { DEFAULT_NETWORK } from '../spec/cluster-spec.ts';
import { ClusterStateFolder, clusterNames } from '../state/cluster-state.ts';
import { missingRequirements } from '../steps/programs.ts';
import { clockFindings } from './clocks.ts';
import { clusterFindings } from './cluster-findings.ts';
import { driverFindings } from './driver-findings.ts';
import { NODE_CHECKS, type NodeRole } from './node-checks.ts';
import { readNodeFacts } from './node-facts.ts';

export interface DiagnoseOptions {
  /** Default all that this client knows. */
  cluster?: string | undefined;
  /** What a driver needs on this computer; `all` of them. Default those that clusters use, and local. */
  driver?: string | undefined;
  /** Machines that are to become nodes: `user@address:port`. */
  hosts?: readonly string[];
  identityFile?: string | undefined;
  jumpHost?: string | undefined;
}

export interface AboutFinding extends Finding {
  /** `this host`, `cluster demo`, `cluster demo: demo-1, demo-2`. */
  about: string;
}

/** What is wrong with this computer, with clusters, and with hosts that are to become nodes; each with what mends it. Errors first. */
export const diagnose = async (options: DiagnoseOptions = {}): Promise<AboutFinding[]> => {
  const names = options.cluster ? [options.cluster] : await clusterNames();
  // A name that is not known is told at once.
  if (options.cluster) await new ClusterStateFolder(options.cluster).require();
  const hostsAlone = Boolean(options.hosts?.length) && !options.cluster && !options.driver;
  const found = await Promise.all([
    ...(hostsAlone ? [] : [driverFindings(options, names)]),
    ...(hostsAlone || options.driver ? [] : names.map(clusterFindings)),
    ...(options.hosts ?? []).map((host) => findingsBefore(host, options)),
  ]);
  return inOrder(merged(found.flat()));
};

/** A host before it becomes a node: what `up` would stumble over. Nothing is left on it, and no key of it is remembered. */
const findingsBefore = async (target: string, options: DiagnoseOptions): Promise<AboutFinding[]> => {
  const settings = { host: target, identityFile: options.identityFile, jumpHost: options.jumpHost };
  const spec = { cluster: 'doctor', name: 'host', settings };
  try {
    return await withHostToBe({ driver: 'ssh', spec, signal: new AbortController().signal }, async (host) => {
      const [facts, missing, own] = await Promise.all([readNodeFacts(host), missingRequirements(host), factsOf(host)]);
      const findings = [
        ...NODE_CHECKS.flatMap((check) => check(facts, ROLE_TO_BE)),
        ...clockFindings(new Map([[target, facts]])),
        ...lacking(target, missing, own),
        ...fitness(target, own),
      ];
      return findings.map((finding) => ({ ...finding, about: target }));
    });
  } catch (error) {
    return [{ about: target, severity: 'error', problem: messageOf(error), fix: `ssh ${target} true` }];
  }
};

const ROLE_TO_BE: NodeRole = { name: 'host', controlPlane: true, isNode: false, ...DEFAULT_NETWORK };

/** A distribution that is refused is told with what it lacks. */
const lacking = (host: string, packages: readonly string[], { distribution }: HostFacts): Finding[] => {
  const family = distributionFamily(distribution);
  if (!packages.length || 'refusal' in family) return [];
  const problem = `It lacks ${packages.join(', ')}.`;
  return [
    {
      severity: 'warning',
      problem,
      fix: `${installCommand(family.packageManager, packages)}   # on ${host}; or: slipway up --host ${host} --yes`,
    },
  ];
};

/** What `up` itself asks of a host; ports, space and clock are told above, with more of each. */
const fitness = (host: string, facts: HostFacts): Finding[] => {
  const marker = { cluster: '', clusterCreatedAt: '', node: '' };
  const asked = { ...facts, listening: [], freeMiB: new Map<string, number>(), clockAheadMs: 0 };
  const { errors, warnings } = hostFindings({
    host,
    target: host,
    facts: asked,
    marker,
    nodes: [],
    controlPlane: true,
    architecture: process.arch,
    force: false,
    yes: true,
    command: `slipway up --host ${host}`,
  });
  return [
    ...errors.map(({ code, message, advice }) => ({
      severity: 'error' as const,
      code,
      problem: `${message}.`,
      fix: advice[0] ?? `slipway up --host ${host}`,
    })),
    ...warnings.map((message) => ({
      severity: 'warning' as const,
      problem: `${message}.`,
      fix: 'slipway doctor NAME   # once it is a node: tells what does not get through',
    })),
  ];
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Nodes of one computer share its kernel and say the same: told once, with the names of all. */
const merged = (findings: readonly AboutFinding[]): AboutFinding[] => {
  const byText = new Map<string, AboutFinding>();
  for (const finding of findings) {
    const [where = '', node] = finding.about.split(': ');
    const key = JSON.stringify([where, finding.problem, finding.fix]);
    const same = byText.get(key);
    if (!same) byText.set(key, finding);
    else if (node) byText.set(key, { ...same, about: `${same.about}, ${node}` });
  }
  return [...byText.values()];
};

const inOrder = (findings: readonly AboutFinding[]): AboutFinding[] => [
  ...findings.filter(({ severity }) => severity === 'error'),
  ...findings.filter(({ severity }) => severity === 'warning'),
];
