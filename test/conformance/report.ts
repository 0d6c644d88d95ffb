/** What upstream's suite says of each spec, beside what we expect of it. Pure: text in, verdict out. */

/** Name of a spec, as the report writes it, to the reason why it is expected to fail. */
export type ExpectedFailures = ReadonlyMap<string, string>;

/** Name of a spec that ran, to whether it passed. */
export type Outcomes = ReadonlyMap<string, boolean>;

export interface Verdict {
  passed: string[];
  /** Failed beside others, passed when run again alone. Counts as passed, and is named. */
  passedAlone: string[];
  failedAsExpected: string[];
  failed: string[];
  /** Listed as failing, and it passes: the list is out of date, and that fails too. */
  passedUnexpectedly: string[];
}

/** A line that is not indented names a spec, the indented ones after it say why it fails. `#` begins a comment. */
export const parseExpectedFailures = (text: string): ExpectedFailures => {
  const expected = new Map<string, string>();
  let name: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (!/^\s/.test(line)) {
      if (expected.has(line.trim())) throw new Error(`line ${index + 1}: ${line.trim()} is listed twice`);
      name = line.trim();
      expected.set(name, '');
    } else if (name === undefined) throw new Error(`line ${index + 1}: a reason without a spec`);
    else expected.set(name, `${expected.get(name)} ${line.trim()}`.trim());
  }
  const bare = [...expected].find(([, reason]) => reason === '');
  if (bare) throw new Error(`no reason is given for ${bare[0]}`);
  return expected;
};

/** Specs that ran, of a JUnit report as Ginkgo writes it: a `testcase` element each, its attributes escaped by Go. */
export const parseJunit = (xml: string): Outcomes => {
  const outcomes = new Map<string, boolean>();
  for (const [, attributes = ''] of xml.matchAll(/<testcase\s([^>]*)>/g)) {
    const name = unescapeXml(/(?:^|\s)name="([^"]*)"/.exec(attributes)?.[1] ?? '');
    const status = /(?:^|\s)status="([^"]*)"/.exec(attributes)?.[1];
    if (!name.startsWith(SPEC) || status === 'skipped' || status === 'pending') continue;
    outcomes.set(name.slice(SPEC.length), status === 'passed');
  }
  return outcomes;
};

/** `again` has the specs that were run a second time, alone. */
export const judge = (options: { outcomes: Outcomes; again?: Outcomes; expected: ExpectedFailures }): Verdict => {
  const { outcomes, again = new Map(), expected } = options;
  const verdict: Verdict = { passed: [], passedAlone: [], failedAsExpected: [], failed: [], passedUnexpectedly: [] };
  for (const [name, passed] of [...outcomes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const place = ((): keyof Verdict => {
      if (expected.has(name)) return passed ? 'passedUnexpectedly' : 'failedAsExpected';
      if (passed) return 'passed';
      return again.get(name) ? 'passedAlone' : 'failed';
    })();
    verdict[place].push(name);
  }
  return verdict;
};

/** A table of counts by group, and whatever is not plainly passed, by name. */
export const describeVerdict = (verdict: Verdict, expected: ExpectedFailures): string => {
  const passed = new Set([...verdict.passed, ...verdict.passedAlone, ...verdict.passedUnexpectedly]);
  const groups = Map.groupBy(Object.values(verdict).flat() as string[], groupOf);
  const rows = [...groups.keys()].sort().map((group) => {
    const specs = groups.get(group) ?? [];
    return `| ${group} | ${specs.length} | ${specs.filter((name) => passed.has(name)).length} |`;
  });
  const all = [...groups.values()].flat();
  const list = (title: string, names: readonly string[], note = (_: string) => ''): string[] =>
    names.length ? ['', `${title}:`, ...names.map((name) => `- ${name}${note(name)}`)] : [];
  return [
    '| group | specs | passed |',
    '|---|---|---|',
    ...rows,
    `| all | ${all.length} | ${passed.size} |`,
    ...list('Passed only when run again alone', verdict.passedAlone),
    ...list('Failed as expected', verdict.failedAsExpected, (name) => `\n  ${expected.get(name)}`),
    ...list('FAILED', verdict.failed),
    ...list('PASSED, but listed in expected-failures.txt: take the line out', verdict.passedUnexpectedly),
  ].join('\n');
};

export const isGood = (verdict: Verdict): boolean =>
  verdict.passed.length > 0 && verdict.failed.length === 0 && verdict.passedUnexpectedly.length === 0;

/** A regular expression of Go for exactly these specs. */
export const focusOn = (names: readonly string[]): string => names.map((name) => name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');

/** Ginkgo writes set-up and reporting steps as test cases too; specs are those of an It. */
const SPEC = '[It] ';

const groupOf = (name: string): string => /\[(sig-[a-z-]+)\]/.exec(name)?.[1] ?? 'other';

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

const unescapeXml = (text: string): string =>
  text.replaceAll(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal) return String.fromCodePoint(Number(decimal));
    return ENTITIES[name] ?? whole;
  });
