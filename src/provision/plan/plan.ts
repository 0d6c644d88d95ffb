import { HOURS_A_MONTH } from '../../base/hours-a-month.ts';

/** What `up` would do, as `slipway plan -o json` prints it (docs/reference/plan.md). */
export interface Plan {
  cluster: string;
  /** Whether anything at all would be done, or is to be done by hand. */
  changed: boolean;
  changes: PlannedChange[];
  summary: Record<PlannedAction, number>;
  /** What keeps `up` from beginning, each with what mends it. `packages`: those that `up --yes` would install to mend it. */
  problems: { problem: string; fix: string; packages?: readonly string[] | undefined }[];
  warnings: string[];
  /** Where a driver tells prices: of everything that the cluster is to have but what is `unpriced`. */
  usdPerHour?: number;
  usdPerMonth?: number;
}

/**
 * `replace`: only a new machine can have it, which `up` does not make by itself. `unchanged` stands for machines and what they share;
 * files and services that are as they are to be are not listed.
 */
export type PlannedAction = 'create' | 'change' | 'start' | 'replace' | 'remove' | 'unchanged';

export interface PlannedChange {
  action: PlannedAction;
  /** `machine`, `network`, `file`, `service`, `certificate`, `node`, `manifest`, ...: a driver has words of its own. */
  kind: string;
  name: string;
  /** Where it is on a node. */
  node?: string | undefined;
  driver?: string | undefined;
  detail?: string | undefined;
  usdPerHour?: number | undefined;
  /** Why its price is not known, where it has one. */
  unpriced?: string | undefined;
}

export const ACTIONS: readonly PlannedAction[] = ['create', 'change', 'start', 'replace', 'remove', 'unchanged'];

export const finishPlan = (
  cluster: string,
  changes: readonly PlannedChange[],
  { problems, warnings }: Pick<Plan, 'problems' | 'warnings'>,
): Plan => {
  const summary = Object.fromEntries(ACTIONS.map((action) => [action, changes.filter((change) => change.action === action).length]));
  const priced = changes.filter((change) => change.usdPerHour !== undefined && change.action !== 'remove');
  const usdPerHour = priced.reduce((sum, change) => sum + (change.usdPerHour ?? 0), 0);
  return {
    cluster,
    changed: changes.some((change) => change.action !== 'unchanged'),
    changes: [...changes],
    summary: summary as Plan['summary'],
    problems,
    warnings,
    ...(priced.length ? { usdPerHour: rounded(usdPerHour, 4), usdPerMonth: rounded(usdPerHour * HOURS_A_MONTH, 2) } : {}),
  };
};

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

const SIGNS: Record<PlannedAction, string> = { create: '+', change: '~', start: '>', replace: '!', remove: '-', unchanged: ' ' };
const WORDS: Record<PlannedAction, string> = {
  create: 'to make',
  change: 'to change',
  start: 'to start',
  replace: 'to replace by hand',
  remove: 'to remove',
  unchanged: 'unchanged',
};

/** For a person. `overrides`: what of a file the command line stands over. */
export const planText = (plan: Plan, overrides: readonly string[] = []): string => {
  const lines: string[] = [`Cluster ${plan.cluster}`, ...overrides.map((line) => `  (${line})`), ''];
  const shown = plan.changes.filter((change) => change.action !== 'unchanged');
  const wide = Math.max(0, ...shown.map((change) => titleOf(change).length));
  for (const change of shown) lines.push(`  ${SIGNS[change.action]} ${titleOf(change).padEnd(wide)}  ${detailOf(change)}`.trimEnd());
  if (shown.length) lines.push('');
  const counts = ACTIONS.filter((action) => plan.summary[action]).map((action) => `${plan.summary[action]} ${WORDS[action]}`);
  lines.push(plan.changed ? `Plan: ${counts.join(', ')}` : `No changes: all is as it is to be (${counts.join(', ')})`);
  lines.push(...priceLines(plan));
  for (const warning of plan.warnings) lines.push(`Warning: ${warning}`);
  for (const { problem, fix } of plan.problems) lines.push(`In the way: ${problem.replace(/\.$/, '')}`, `  try: ${fix}`);
  return `${lines.join('\n')}\n`;
};

/** What is not in the sum is named, so that nobody takes it for the bill. */
const priceLines = ({ usdPerHour, usdPerMonth, changes }: Plan): string[] => {
  const reasons = changes.flatMap(({ unpriced, action }) => (unpriced === undefined || action === 'remove' ? [] : [unpriced]));
  const known = usdPerHour === undefined ? [] : [`$${usdPerHour} an hour, $${usdPerMonth} a month of ${HOURS_A_MONTH} hours`];
  const machines = `${reasons.length} machine${reasons.length === 1 ? '' : 's'} of unknown price (${[...new Set(reasons)].join(', ')})`;
  const parts = [...known, ...(reasons.length ? [machines] : [])];
  return parts.length ? [`Price: ${parts.join(', and ')}; public addresses, load balancers, traffic and taxes are not in it`] : [];
};

const titleOf = ({ kind, name, node }: PlannedChange): string => `${kind} ${name}${node ? ` on ${node}` : ''}`;

const detailOf = ({ detail, usdPerHour, unpriced }: PlannedChange): string =>
  [detail, usdPerHour === undefined ? undefined : `$${usdPerHour}/h`, unpriced === undefined ? undefined : 'price unknown']
    .filter(Boolean)
    .join(', ');
