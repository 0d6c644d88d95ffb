/** A plan as a person and as a program reads it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finishPlan, type PlannedChange, planText } from '../../../../src/provision/plan/plan.ts';

const CHANGES: PlannedChange[] = [
  { action: 'unchanged', kind: 'network', name: 'lab' },
  { action: 'create', kind: 'machine', name: 'lab-2', detail: 't3.small', usdPerHour: 0.024 },
  { action: 'unchanged', kind: 'machine', name: 'lab-1', usdPerHour: 0.024 },
  { action: 'remove', kind: 'machine', name: 'lab-3', usdPerHour: 5 },
  { action: 'change', kind: 'file', name: '/etc/slipway/agent.json', node: 'lab-1' },
];
const NOTHING = { problems: [], warnings: [] };

test('prices are summed over what there is to be, an hour and a month', () => {
  const plan = finishPlan('lab', CHANGES, NOTHING);
  assert.deepEqual([plan.changed, plan.usdPerHour, plan.usdPerMonth], [true, 0.048, 35.04]);
  assert.deepEqual(plan.summary, { create: 1, change: 1, start: 0, replace: 0, remove: 1, unchanged: 2 });
});

test('a person sees a line a change and the sums', () => {
  assert.equal(
    planText(finishPlan('lab', CHANGES, NOTHING)),
    `Cluster lab

  + machine lab-2                          t3.small, $0.024/h
  - machine lab-3                          $5/h
  ~ file /etc/slipway/agent.json on lab-1

Plan: 1 to make, 1 to change, 1 to remove, 2 unchanged
Price: $0.048 an hour, $35.04 a month of 730 hours; public addresses, load balancers, traffic and taxes are not in it
`,
  );
});

test('machines of unknown price are not in the sum, and named beside it', () => {
  const spare = (name: string, unpriced: string): PlannedChange => ({ action: 'create', kind: 'machine', name, detail: 'm', unpriced });
  const unknown = [spare('lab-4', 'spot'), spare('lab-5', 'spot'), spare('lab-6', 'x9.large')];
  const extra = '; public addresses, load balancers, traffic and taxes are not in it\n';
  const plan = finishPlan('lab', [...CHANGES, ...unknown], NOTHING);
  assert.equal(plan.usdPerHour, 0.048);
  assert.match(planText(plan), /\+ machine lab-4 +m, price unknown\n/);
  const both = '$0.048 an hour, $35.04 a month of 730 hours, and 3 machines of unknown price (spot, x9.large)';
  assert.ok(planText(plan).endsWith(`Price: ${both}${extra}`), planText(plan));
  const alone = finishPlan('lab', unknown.slice(0, 1), NOTHING);
  assert.ok(planText(alone).endsWith(`Price: 1 machine of unknown price (spot)${extra}`), planText(alone));
});

test('nothing to do is said as such; no price without one', () => {
  const plan = finishPlan('lab', CHANGES.slice(0, 1), {
    problems: [{ problem: 'No runc.', fix: 'apt-get install runc' }],
    warnings: ['w'],
  });
  assert.equal(
    planText(plan),
    'Cluster lab\n\nNo changes: all is as it is to be (1 unchanged)\nWarning: w\nIn the way: No runc\n  try: apt-get install runc\n',
  );
  assert.equal(plan.usdPerHour, undefined);
});
