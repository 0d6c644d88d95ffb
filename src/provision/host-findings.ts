import { SlipwayError } from '../base/errors/slipway-error.ts';
import type { HostFacts } from '../hosts/facts/host-facts.ts';
import { distributionFamily } from '../hosts/packages/distribution-family.ts';
import { installCommand } from '../hosts/packages/install-packages.ts';
import type { Listener } from './doctor/node-facts.ts';
import { hostTaken, type NodeMarker, ownerOf, parseMarker } from './node-marker.ts';
import { AGENT_PORT, API_PORT, missingPackages, NODE_PATHS } from './spec/node-paths.ts';

export interface HostQuestion {
  /** For messages. */
  host: string;
  /** As it is typed. */
  target: string;
  facts: HostFacts;
  marker: NodeMarker;
  /** All of the cluster. */
  nodes: readonly string[];
  controlPlane: boolean;
  /** Of the computer whose Node.js is laid down. */
  architecture: string;
  /** Hosts of other clusters are taken, too. */
  force: boolean;
  /** Packages that are missing are installed. */
  yes: boolean;
  /** What was typed, for more flags to be added. */
  command: string;
  /** Who listens where, asked for when a port that is needed is taken. */
  listeners?: readonly Listener[];
}

export interface HostAnswer {
  errors: SlipwayError[];
  warnings: string[];
  owner: 'nobody' | 'us' | 'taken';
}

/** Node.js, the programs and what containerd unpacks at first. */
const PROGRAMS_MIB = 200;
const DATA_MIB = 300;
const MEMORY_MIB = 400;
/** Certificates are valid from a few minutes before they are made. */
const CLOCK_ERROR_MS = 240_000;
const CLOCK_WARNING_MS = 5_000;

/** Whether a host can be a node, before anything is laid down on it. */
export const hostFindings = (question: HostQuestion): HostAnswer => {
  const { host, facts, marker, force } = question;
  const found = parseMarker(facts.marker);
  const owner = ownerOf(found, marker);
  const tried = `use ${host} as a node`;
  const errors: SlipwayError[] = [];
  const unfit = (cause: string, advice: readonly string[] = []): void =>
    void errors.push(new SlipwayError('PREFLIGHT_FAILED', { tried, cause, advice }));

  // A sibling is not taken over by force: the cluster would lose it.
  if (owner === 'taken' && found && (!force || isSibling(found, question)))
    errors.push(hostTaken(host, { found, wanted: marker, target: question.target, command: question.command }));
  if (facts.architecture !== question.architecture)
    unfit(
      `its processors are ${facts.architecture}, and those of this computer ${question.architecture}: Slipway lays down its own Node.js and images, which are for one kind`,
      [`run slipway on a computer with ${facts.architecture} processors`],
    );
  const family = distributionFamily(facts.distribution);
  const missing = missingPackages(facts);
  if (facts.libc === 'musl') unfit('refusal' in family ? family.refusal : 'its C library is musl, and Node.js is linked against glibc');
  // A host that has everything needs no package manager that we know.
  else if ('refusal' in family && missing.length) unfit(`${family.refusal}; it lacks ${missing.join(', ')}`);
  else if ('packageManager' in family && missing.length && !question.yes)
    errors.push(
      new SlipwayError('PACKAGES_MISSING', {
        tried,
        cause: `it lacks ${missing.join(', ')}`,
        advice: [`${installCommand(family.packageManager, missing)}   # on ${host}`, `${question.command} --yes   # installs them itself`],
      }),
    );
  if (owner !== 'us') errors.push(...spaceErrors(question, tried));
  // On a node of another cluster its own programs listen; what is there when they are gone is asked again.
  if (owner === 'nobody') errors.push(...portErrors(question, tried));
  if (facts.memoryMiB > 0 && facts.memoryMiB < MEMORY_MIB) unfit(`it has ${facts.memoryMiB} MiB of memory, and a node needs ${MEMORY_MIB}`);
  if (Math.abs(facts.clockAheadMs) > CLOCK_ERROR_MS)
    unfit(`its clock is ${clockText(facts)}: certificates would not be valid there`, [`timedatectl set-ntp true   # on ${host}`]);
  return { errors, warnings: warningsOf(question), owner };
};

const isSibling = (found: NodeMarker, { marker, nodes }: HostQuestion): boolean =>
  found.cluster === marker.cluster && found.clusterCreatedAt === marker.clusterCreatedAt && nodes.includes(found.node);

const spaceErrors = ({ host, facts }: HostQuestion, tried: string): SlipwayError[] =>
  (
    [
      [NODE_PATHS.programs, PROGRAMS_MIB],
      [NODE_PATHS.data, DATA_MIB],
    ] as const
  ).flatMap(([folder, needed]) => {
    const free = facts.freeMiB.get(folder);
    if (free === undefined || free >= needed) return [];
    return [
      new SlipwayError('DISK_FULL', {
        tried,
        cause: `${free} MiB are free in ${folder}, and ${needed} are needed`,
        advice: [`df -h ${folder}   # on ${host}`],
      }),
    ];
  });

/** Ports that a node needs for itself, and that something listens on. */
export const takenPorts = ({ facts, controlPlane }: Pick<HostQuestion, 'facts' | 'controlPlane'>): number[] =>
  [AGENT_PORT, ...(controlPlane ? [API_PORT] : [])].filter((port) => facts.listening.includes(port));

const portErrors = (question: HostQuestion, tried: string): SlipwayError[] =>
  takenPorts(question).map((port) => {
    const { program, executable } =
      question.listeners?.find((listener) => listener.protocol === 'tcp' && listener.port === port) ?? NOBODY_KNOWN;
    return new SlipwayError('ADDRESS_IN_USE', {
      tried,
      cause: `${program ?? 'another program'}${executable ? ` (${executable})` : ''} listens on its port ${port}/tcp, which ${port === API_PORT ? 'the API server' : 'the node agent'} needs`,
      advice: [`ss -ltnp 'sport = :${port}'   # on ${question.host}, then stop it`],
    });
  });

/** Without `ss`, or where the kernel itself listens. */
const NOBODY_KNOWN: Pick<Listener, 'program' | 'executable'> = { program: undefined, executable: undefined };

const warningsOf = ({ host, facts, controlPlane }: HostQuestion): string[] => {
  const warnings: string[] = [];
  const seconds = Math.abs(facts.clockAheadMs);
  if (seconds > CLOCK_WARNING_MS && seconds <= CLOCK_ERROR_MS) warnings.push(`the clock of ${host} is ${clockText(facts)}`);
  if (facts.firewall)
    warnings.push(
      `${facts.firewall} is at work on ${host}: nodes reach each other on TCP ${AGENT_PORT}${controlPlane ? ` and ${API_PORT}` : ''}, UDP 4789, and everything between pods`,
    );
  if (facts.selinuxEnforcing) warnings.push(`SELinux is enforcing on ${host}: Slipway brings no policy of its own`);
  return warnings;
};

const clockText = ({ clockAheadMs }: HostFacts): string =>
  `${Math.round(Math.abs(clockAheadMs) / 1000)} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} that of this computer`;
