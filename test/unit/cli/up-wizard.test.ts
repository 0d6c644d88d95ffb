/** How the wizard of `up` ends: with what is in the way, with a no, with Ctrl-C; and what becomes of the file. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CommandError } from '../../../src/cli/errors.ts';
import type { Prompts } from '../../../src/cli/prompts.ts';
import { upWizard, type WizardWork } from '../../../src/cli/up-wizard.ts';
import { ANSWER_CHECKS } from '../../../src/provision/file/typed-answers.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-up-wizard-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const run = async (name: string, { answers = {}, ...work }: Partial<WizardWork> & { answers?: Readonly<Record<string, boolean>> }) => {
  const path = join(folder, `${name}.yaml`);
  const asked: string[] = [];
  const said: string[] = [];
  const prompts: Prompts = {
    text: async (message, options) => (message.startsWith('Save') ? path : (options?.default ?? '')),
    secret: async () => '',
    choose: async (_message, [first]) => first?.value ?? '',
    check: async () => [],
    yes: async (message, options) => {
      asked.push(message);
      return answers[message] ?? options.default;
    },
  };
  const ended = await upWizard(prompts, {
    say: (text) => void said.push(text),
    drivers: async () => [{ name: 'local', summary: 'sandboxes', usesHosts: false, missing: [], settings: [] }],
    checks: ANSWER_CHECKS,
    fileOf: () => 'the file\n',
    planOf: async () => ({ text: 'the plan', lacks: false, mayInstall: false }),
    signal: new AbortController().signal,
    ...work,
  }).then(
    (result) => ({ result }),
    (error: Error) => ({ error }),
  );
  return { ended, asked, path, said: said.join('') };
};

const INSTALL = 'Install what is missing on this computer?';
const lacking = (mayInstall: boolean) => async () => ({ text: 'the plan', lacks: true, mayInstall });

test('who agrees goes on with the file, and with what is missing where it may be installed', async () => {
  const plain = await run('plain', {});
  assert.deepEqual(plain.ended, { result: { path: plain.path, install: false } });
  const mended = await run('mended', { planOf: lacking(true) });
  assert.deepEqual(mended.ended, { result: { path: mended.path, install: true } });
  assert.deepEqual(mended.asked, [INSTALL, 'Make it?']);
});

test('who does not install what is missing is asked no more: the file stays, and how to go on is said', async () => {
  for (const [name, planOf, asked] of [
    ['unwilling', lacking(true), [INSTALL]],
    ['unable', lacking(false), []],
  ] as const) {
    const { ended, path, ...found } = await run(name, { planOf, answers: { [INSTALL]: false } });
    assert.deepEqual(found.asked, asked, name);
    const message = `what is in the way comes first: nothing was made. The file is there: slipway up -f ${path}`;
    assert.deepEqual(ended, { error: new CommandError(message, { exitCode: 1 }) });
    assert.ok(existsSync(path));
  }
});

test('Ctrl-C while the plan is made leaves no file; a plan that cannot be made leaves it', async () => {
  const stopper = new AbortController();
  const stopped = await run('stopped', {
    signal: stopper.signal,
    planOf: async () => {
      stopper.abort();
      return stopper.signal.throwIfAborted() as never;
    },
  });
  assert.ok('error' in stopped.ended && stopped.ended.error.name === 'AbortError');
  assert.ok(!existsSync(stopped.path));
  const failed = await run('failed', {
    planOf: async () => {
      throw new Error('no image');
    },
  });
  assert.ok('error' in failed.ended);
  assert.ok(existsSync(failed.path));
  assert.match(failed.said, /slipway up -f .*failed\.yaml goes on from there/);
});
