import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeVerdict, focusOn, isGood, judge, parseExpectedFailures, parseJunit } from '../../conformance/report.ts';

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
  <testsuites tests="5">
      <testsuite name="Kubernetes e2e suite" package="/judges">
          <testcase name="[SynchronizedBeforeSuite]" classname="Kubernetes e2e suite" status="passed" time="0.1"></testcase>
          <testcase name="[It] [sig-apps] Deployment should &#34;roll&#34; &lt;over&gt; [Conformance]" classname="x" status="passed" time="3.1"></testcase>
          <testcase name="[It] [sig-node] Pods should run [Conformance]" classname="x" status="failed" time="300.07">
              <failure type="failed">name="[It] [sig-node] no testcase"</failure>
          </testcase>
          <testcase name="[It] [sig-node] Pods should wait [Conformance]" classname="x" status="timedout" time="9"></testcase>
          <testcase name="[It] [sig-cli] Kubectl is not asked" classname="x" status="skipped" time="0"><skipped message="skipped"></skipped></testcase>
      </testsuite>
  </testsuites>`;
const ROLL = '[sig-apps] Deployment should "roll" <over> [Conformance]';
const RUN = '[sig-node] Pods should run [Conformance]';
const WAIT = '[sig-node] Pods should wait [Conformance]';

test('a report tells which specs ran, and whether they passed', () => {
  assert.deepEqual(
    [...parseJunit(REPORT)],
    [
      [ROLL, true],
      [RUN, false],
      [WAIT, false],
    ],
  );
});

test('a listed failure is accepted, one that is not listed fails the run', () => {
  const outcomes = parseJunit(REPORT);
  const one = judge({ outcomes, expected: new Map([[RUN, 'wants a registry']]) });
  assert.deepEqual(one, { passed: [ROLL], passedAlone: [], failedAsExpected: [RUN], failed: [WAIT], passedUnexpectedly: [] });
  assert.equal(isGood(one), false);
  const expected = new Map([RUN, WAIT].map((name) => [name, 'wants a registry']));
  assert.equal(isGood(judge({ outcomes, expected })), true);
});

test('a listed spec that passes fails the run: the list is out of date', () => {
  const verdict = judge({ outcomes: new Map([[ROLL, true]]), expected: new Map([[ROLL, 'once failed']]) });
  assert.deepEqual(verdict.passedUnexpectedly, [ROLL]);
  assert.equal(isGood(verdict), false);
});

test('a spec that passes when run again alone counts as passed, and is named', () => {
  const again = new Map([
    [RUN, true],
    [WAIT, false],
  ]);
  const verdict = judge({ outcomes: parseJunit(REPORT), again, expected: new Map() });
  assert.deepEqual([verdict.passedAlone, verdict.failed], [[RUN], [WAIT]]);
  const text = describeVerdict(verdict, new Map());
  assert.match(text, /\| sig-node \| 2 \| 1 \|\n\| all \| 3 \| 2 \|/);
  assert.match(text, /again alone:\n- \[sig-node\] Pods should run/);
  assert.match(text, /FAILED:\n- \[sig-node\] Pods should wait/);
});

test('a run in which nothing ran is not good', () => {
  assert.equal(isGood(judge({ outcomes: new Map(), expected: new Map() })), false);
});

test('each expected failure has a reason', () => {
  assert.deepEqual(
    [...parseExpectedFailures('# why\n\na b [c]\n  one\n  two\nd\n\tthree\n')],
    [
      ['a b [c]', 'one two'],
      ['d', 'three'],
    ],
  );
  assert.throws(() => parseExpectedFailures('a\nb\n  reason\n'), /no reason is given for a/);
  assert.throws(() => parseExpectedFailures('  reason\n'), /line 1: a reason without a spec/);
  assert.throws(() => parseExpectedFailures('a\n  b\na\n  c\n'), /line 3: a is listed twice/);
  assert.ok(parseExpectedFailures(readFileSync(join(import.meta.dirname, '../../conformance/expected-failures.txt'), 'utf8')).size > 0);
});

test('a focus is exactly the specs, whatever they are called', () => {
  const focus = new RegExp(focusOn([ROLL, 'a+b (c) $d|e']));
  assert.ok(focus.test(ROLL) && focus.test('a+b (c) $d|e'));
  assert.ok(!focus.test('aab c'));
});
