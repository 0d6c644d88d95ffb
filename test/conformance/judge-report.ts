/**
 * Judges a folder of reports that run.sh has filled.
 *
 *   judge-report.ts failed REPORT HALF...    prints a focus of Ginkgo for the specs that failed unexpectedly, nothing when there is none
 *   judge-report.ts verdict REPORT HALF...   prints counts by group and what is not as expected; exit code 1 when anything is not
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeVerdict, focusOn, isGood, judge, parseExpectedFailures, parseJunit } from './report.ts';

const [what, folder = '', ...halves] = process.argv.slice(2);
const read = (half: string) => parseJunit(readFileSync(join(folder, `junit_${half}-01.xml`), 'utf8'));

const expected = parseExpectedFailures(readFileSync(join(import.meta.dirname, 'expected-failures.txt'), 'utf8'));
const outcomes = new Map(halves.flatMap((half) => [...read(half)]));
const again = existsSync(join(folder, 'junit_again-01.xml')) ? read('again') : new Map<string, boolean>();
const verdict = judge({ outcomes, again, expected });

if (what === 'failed') {
  if (verdict.failed.length) console.log(focusOn(verdict.failed));
} else if (what === 'verdict') {
  console.log(describeVerdict(verdict, expected));
  process.exitCode = isGood(verdict) ? 0 : 1;
} else {
  console.error('usage: judge-report.ts failed|verdict REPORT HALF...');
  process.exitCode = 2;
}
