import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { shellQuote } from '../../../src/base/templates/template.ts';
import { lastWords } from '../../../src/hosts/services/last-words.ts';
import { runText } from '../../../src/hosts/services/runit-services.ts';
import { stateIn, unitText } from '../../../src/hosts/services/systemd-services.ts';

const AWKWARD = ["it's", 'a b', '$HOME', '`id`', '"quoted"', 'back\\slash', '100%', '', '*', '-n', 'new\nline'];

for (const word of AWKWARD)
  test(`${JSON.stringify(word)} comes out of a shell as it went in`, () => {
    assert.equal(execFileSync('sh', ['-c', `printf %s ${shellQuote(word)}`], { encoding: 'utf8' }), word);
  });

test('a run script gives the program its words and environment as they are', () => {
  const script = runText({ name: 'x', description: 'x', command: ['printf', '%s|', ...AWKWARD.slice(0, 7)], env: { WORD: "it's $HOME" } });
  assert.equal(
    execFileSync('sh', ['-c', script], { encoding: 'utf8' }),
    AWKWARD.slice(0, 7)
      .map((word) => `${word}|`)
      .join(''),
  );
  assert.match(script, /export WORD='it'\\''s \$HOME'/);
});

test('a systemd unit escapes what systemd would expand', () => {
  const text = unitText({
    name: 'x',
    description: 'Some service',
    command: ['/bin/x', '100%', '$HOME', 'a b'],
    env: { A: 'b c' },
    after: ['y'],
  });
  assert.match(text, /^ExecStart=\/bin\/x 100%% \$\$HOME "a b"$/m);
  assert.match(text, /^Environment="A=b c"$/m);
  assert.match(text, /^After=network-online\.target y\.service$/m);
});

for (const [active, sub, state] of [
  ['active', 'running', 'running'],
  ['activating', 'start', 'running'],
  ['activating', 'auto-restart', 'failed'],
  ['activating', 'auto-restart-queued', 'failed'],
  ['failed', 'failed', 'failed'],
  ['inactive', 'dead', 'stopped'],
])
  test(`a unit that is ${active} (${sub}) is ${state}`, () => assert.equal(stateIn(`ActiveState=${active}\nSubState=${sub}\n`), state));

test('the last words of a service are its newest lines, each once, and those of our programs as sentences', () => {
  const at = (second: number, more: object): string => JSON.stringify({ time: `2026-01-01T00:00:0${second}Z`, level: 'error', ...more });
  const dies = (second: number): string[] => [
    at(second, {
      message: 'cannot open the store',
      code: 'CONFIG_INVALID',
      advice: [],
      error: { message: 'EEXIST: /x', stack: 'Error\n at y' },
    }),
    '{ no JSON',
    `time="2026-01-01T00:00:0${second}Z" level=fatal msg="no"`,
  ];
  assert.deepEqual(lastWords(['old', ...dies(1), ...dies(2), ...dies(3)], 3), [
    'error: cannot open the store: EEXIST: /x (code CONFIG_INVALID)',
    '{ no JSON',
    'level=fatal msg="no"',
  ]);
  assert.deepEqual(lastWords(['a', 'b', 'a'], 10), ['b', 'a']);
});
