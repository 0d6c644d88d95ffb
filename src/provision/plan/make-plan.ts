import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { PlannedResource } from '../../drivers/driver.ts';
import type { UpOptions } from '../cluster-context.ts';
import { type ClusterDrivers, machineSpec, openDrivers } from '../cluster-drivers.ts';
import { checkNewNodes } from '../file/check-new-nodes.ts';
import { type FileOutcome, wishedSpec } from '../file/spec-of-file.ts';
import { requirementsFor } from '../jobs/up.ts';
import { refuseForeign } from '../refuse-foreign.ts';
import type { ClusterSpec, ClusterWishes, NodeSpec } from '../spec/cluster-spec.ts';
import { openJournal } from '../state/cluster-journal.ts';
import { ClusterStateFolder, slipwayDataDir } from '../state/cluster-state.ts';
import { refuseElsewhere } from '../state/journalled-settings.ts';
import { compareCluster } from './compare-cluster.ts';
import { finishPlan, type Plan, type PlannedChange } from './plan.ts';

export interface PlanOptions extends UpOptions {
  signal: AbortSignal;
  /** Told what is being looked at just now: a slow cluster takes its time. */
  report?: ((what: string) => void) | undefined;
}

/**
 * What `up` would do now. Reads the real world: drivers are asked for machines and what they share, running nodes for files and services, the
 * API for its nodes. Changes nothing. Throws what `up` throws for wishes that cannot be.
 */
export const makePlan = async (wishes: ClusterWishes, options: PlanOptions): Promise<Plan> => {
  const folder = new ClusterStateFolder(wishes.name);
  const known = await folder.read();
  const outcome = wishedSpec(wishes, known?.spec);
  const { spec } = outcome;
  await refuseElsewhere(spec, openJournal(folder.path));
  await checkNewNodes(wishes, spec, known?.spec);
  const dataDir = known?.dataDir ?? slipwayDataDir();
  const drivers = openDrivers(
    { ...spec, nodes: [...spec.nodes, ...outcome.removed] },
    { folder, dataDir, requirements: requirementsFor(options) },
  );
  options.report?.(`Asking for machines of ${spec.name}`);
  // What is missing on this computer is told by name, and not by what could not be asked without it.
  const problems = await findProblems(drivers);
  const blocked = new Set(problems.map(({ driver }) => driver));
  await refuseForeign({ spec, drivers, folder, known, blocked });
  const warnings: string[] = [];
  const planned = await planResources(spec, { drivers, blocked, isNew: !known, warn: (text) => warnings.push(text) });
  const changes: PlannedChange[] = [...planned, ...(await removals(outcome, drivers)), ...replacements(outcome)];
  if (known?.phase === 'deleting') warnings.push(`the removal of ${spec.name} was interrupted: slipway down ${spec.name} goes on with it`);
  if (known && !problems.length) {
    const found = await compareCluster({ known, spec, drivers, options });
    changes.push(...found.changes);
    warnings.push(...found.warnings);
  }
  return finishPlan(spec.name, changes, { problems: problems.map(({ driver: _, ...problem }) => problem), warnings });
};

const ACTION_OF = { absent: 'create', stopped: 'start', present: 'unchanged', differs: 'change' } as const satisfies Record<
  PlannedResource['state'],
  string
>;

interface ResourceOptions {
  drivers: ClusterDrivers;
  /** Names of drivers that lack something on this computer: they may not be able to say what there is. */
  blocked: ReadonlySet<string>;
  isNew: boolean;
  warn: (text: string) => void;
}

const planResources = async (spec: ClusterSpec, { drivers, blocked, isNew, warn }: ResourceOptions): Promise<PlannedChange[]> => {
  const names = [...new Set(spec.nodes.map((node) => node.driver))];
  const planned = await Promise.all(
    names.map(async (name) => {
      const driver = await drivers.named(name);
      const machines = spec.nodes.filter((node) => node.driver === name).map((node) => machineSpec(spec, node));
      const resources = await driver.plan(machines).catch((error: unknown) => {
        if (!blocked.has(name)) throw error;
        warn(`the driver ${name} cannot be asked what there is${isNew ? ': taken as nothing' : ', and its machines are left out'}`);
        return isNew ? machines.map((machine) => ({ kind: 'machine', name: machine.name, state: 'absent' as const })) : [];
      });
      return resources.map(({ state, detail, ...resource }: PlannedResource) => {
        const node = resource.kind === 'machine' ? spec.nodes.find((one) => one.name === resource.name) : undefined;
        return {
          action: ACTION_OF[state],
          driver: name,
          ...resource,
          detail: [...ofNode(node), detail].filter(Boolean).join(', ') || undefined,
        };
      });
    }),
  );
  return planned.flat();
};

const ofNode = (node: NodeSpec | undefined): string[] => [
  ...(node?.controlPlane ? ['control plane'] : []),
  ...(typeof node?.settings['host'] === 'string' ? [node.settings['host']] : []),
];

const findProblems = async (drivers: ClusterDrivers): Promise<(Plan['problems'][number] & { driver: string })[]> => {
  const findings = await Promise.all(
    (await drivers.used()).map(async (driver) => (await driver.preflight()).map((finding) => ({ ...finding, driver: driver.name }))),
  );
  return findings
    .flat()
    .filter(({ severity }) => severity === 'error')
    .map(({ problem, fix, packages, driver }) => ({ problem, fix, packages, driver }));
};

const removals = (outcome: FileOutcome, drivers: ClusterDrivers): Promise<PlannedChange[]> =>
  Promise.all(
    outcome.removed.map(async (node) => {
      const driver = await drivers.of(node);
      const detail = driver.keepsMachines ? 'drained and given back; with --prune' : 'drained and destroyed; with --prune';
      return { action: 'remove' as const, kind: 'machine', name: node.name, driver: node.driver, detail };
    }),
  );

const replacements = ({ differing, spec }: FileOutcome): PlannedChange[] =>
  differing.map(({ node, key, now, wanted }) => ({
    action: 'replace',
    kind: 'machine',
    name: node,
    detail: `${key} ${now} -> ${wanted}: slipway node remove ${node} --cluster ${spec.name}, then up`,
  }));

/** What stops a comparison is told in the plan instead of ending it. */
export const reasonOf = (error: unknown): string =>
  error instanceof SlipwayError || error instanceof Error ? error.message : String(error);
