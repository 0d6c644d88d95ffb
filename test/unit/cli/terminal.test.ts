/** What is drawn and asked on a terminal, as a person would see it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { noTerminal as skip, startTerminal, type Window } from '../../support/terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-programs-'));
const terminal = startTerminal();
after(() => {
  terminal.close();
  rmSync(folder, { recursive: true, force: true });
});

const source = (path: string): string => JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../../src', path)).href);

/** Runs a TypeScript program in a window; its stdout goes to a file, as in `slipway up > file`. */
const openWindow = (name: string, program: string): Window => {
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, program);
  // What is typed only tells the program to go on: echoed, it would move the cursor.
  return terminal.open(`stty -echo; ${process.execPath} ${file} > ${join(folder, `${name}.out`)}`);
};

/** A job that goes on with every line that is typed. */
const job = (phases: readonly (readonly object[])[], end = 'q.end()'): string => `
  import { createInterface } from 'node:readline';
  import { followJob } from ${source('cli/progress/follow-job.ts')};
  import { processIo } from ${source('cli/io.ts')};
  import { createProgressQueue } from ${source('base/progress.ts')};
  const q = createProgressQueue();
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const work = async () => {
    for (const phase of ${JSON.stringify(phases)}) {
      for (const event of phase) q.push(event);
      await lines.next();
    }
    ${end};
  };
  const result = work();
  result.catch(() => {});
  await followJob({ events: q.events, result }, { io: processIo(), json: false }).catch((error) => console.error('job: ' + error.message));
  process.exit(0);
`;

test('steps that overlap are one line each, with the newest detail below, and stay when they are done', { skip }, async () => {
  const window = openWindow(
    'steps',
    job([
      [
        { type: 'step-started', step: 'a', title: 'Making machines' },
        { type: 'step-started', step: 'b', title: 'Certificates' },
        { type: 'step-detail', step: 'a', detail: `demo-1 has an address ${'and more '.repeat(20)}` },
      ],
      [
        { type: 'step-done', step: 'b', changed: false },
        { type: 'step-started', step: 'c', title: 'Agents', node: 'n1' },
        { type: 'step-started', step: 'c', title: 'Agents', node: 'n2' },
        { type: 'warning', message: 'mind the gap' },
      ],
      [
        { type: 'step-done', step: 'a', changed: true, milliseconds: 1234 },
        { type: 'step-done', step: 'c', changed: true, node: 'n1' },
        { type: 'step-done', step: 'c', changed: true, node: 'n2' },
        { type: 'step-skipped', step: 'd', title: 'Demo', reason: 'not asked for' },
      ],
    ]),
  );
  await window.shows(/^. Making machines\n {2}› demo-1 has an address and .*…\n. Certificates$/m);
  window.type('Enter');
  await window.shows(/^✔ Certificates: unchanged\n. Agents on n1\n. Agents on n2\n+› warning: mind the gap/m);
  window.type('Enter');
  await window.shows(/^↓ Demo: not asked for$/m);
  window.type('Enter');
  await window.shows(/exit code 0/);
  assert.equal(
    window.screen().replace(/\n\n+/g, '\n'),
    [
      '✔ Making machines (1.23 s)',
      '✔ Certificates: unchanged',
      '✔ Agents on n1',
      '✔ Agents on n2',
      '↓ Demo: not asked for',
      '› warning: mind the gap',
      'exit code 0',
    ].join('\n'),
  );
});

test('a failed step says why, and one that was cut off is marked', { skip }, async () => {
  const window = openWindow(
    'failure',
    job(
      [
        [
          { type: 'step-started', step: 'a', title: 'Making machines' },
          { type: 'step-started', step: 'b', title: 'Certificates' },
          { type: 'step-failed', step: 'a', reason: 'no room' },
        ],
      ],
      "q.end(new Error('it failed')); throw new Error('it failed')",
    ),
  );
  await window.shows(/^✖ Making machines: no room\n. Certificates$/m);
  window.type('Enter');
  await window.shows(/^✖ Making machines: no room\n✖ Certificates: stopped\n+job: it failed\nexit code 0$/m);
});

test('a question is asked until the word is typed, and Ctrl-C leaves all as it is', { skip }, async () => {
  const program = `
    import { askToType } from ${source('cli/ask.ts')};
    import { processIo } from ${source('cli/io.ts')};
    await askToType('demo', { message: 'Type its name:', io: processIo() }).then(
      () => process.exit(0),
      (error) => process.exit(error.exitCode));
  `;
  const consent = openWindow('consent', program);
  await consent.shows(/Type its name:/);
  consent.type('demmo', 'Enter');
  await consent.shows(/Type demo to go on/);
  consent.type('BSpace', 'BSpace', 'BSpace', 'mo', 'Enter');
  await consent.shows(/exit code 0/);
  const refusal = openWindow('refusal', program);
  await refusal.shows(/Type its name:/);
  refusal.type('C-c');
  await refusal.shows(/exit code 130/);
});

test('a status line is written over and gone at the end; off a terminal there is none', { skip }, async () => {
  const program = `
    import { createInterface } from 'node:readline';
    import { withStatusLine } from ${source('cli/progress/status-line.ts')};
    import { processIo } from ${source('cli/io.ts')};
    const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    const io = processIo();
    await withStatusLine(io, async (report) => {
      report('Asking for machines ' + 'and more '.repeat(20));
      await lines.next();
      report('Comparing');
      await lines.next();
    });
    io.err('the plan\\n');
    process.exit(0);
  `;
  const window = openWindow('status', program);
  await window.shows(/^Asking for machines (and more )+.*…$/);
  window.type('Enter');
  await window.shows(/^Comparing$/);
  window.type('Enter');
  await window.shows(/^the plan\nexit code 0$/);
  const off = spawnSync(process.execPath, [join(folder, 'status.ts')], { input: '\n\n', encoding: 'utf8' });
  assert.equal(off.stderr, 'the plan\n');
});
