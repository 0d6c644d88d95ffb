import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../../src/base/text/nearest.ts';
import { durationMs } from '../../../src/cli/args/duration.ts';
import { booleanFlag, integerFlag, listFlag, textFlag } from '../../../src/cli/args/flags.ts';
import { parseArgs } from '../../../src/cli/args/parse-args.ts';
import { UsageError } from '../../../src/cli/errors.ts';
import { findCommand } from '../../../src/cli/run-cli.ts';

const flags = {
  stdin: booleanFlag('', { char: 'i' }),
  tty: booleanFlag('', { char: 't' }),
  wait: booleanFlag('', { default: true }),
  output: textFlag('', { char: 'o' }),
  namespace: textFlag('', { char: 'n' }),
  'dry-run': textFlag('', { default: 'none', bare: 'client', options: ['none', 'client', 'server'] }),
  replicas: integerFlag(''),
  filename: listFlag('', { char: 'f' }),
  env: listFlag('', { splitOnComma: false }),
};

const CASES: [string, string[], Record<string, unknown>, string[], number][] = [
  ['flags and words mix', ['a', '-n', 'x', 'b'], { namespace: 'x' }, ['a', 'b'], -1],
  ['short flags are bundled', ['-it', 'pod'], { stdin: true, tty: true }, ['pod'], -1],
  ['a value may stick to a short flag', ['-ojson', '-n=shop'], { output: 'json', namespace: 'shop' }, [], -1],
  ['booleans take =false', ['--wait=false'], { wait: false }, [], -1],
  ['a boolean never takes the next word', ['--stdin', 'false'], { stdin: true }, ['false'], -1],
  ['a bare optional value leaves the next word', ['--dry-run', 'x'], { 'dry-run': 'client' }, ['x'], -1],
  ['a value may begin with a dash', ['--output', '-x', '--replicas=-1'], { output: '-x', replicas: -1 }, [], -1],
  ['the last of a repeated flag wins', ['-n', 'a', '-n', 'b'], { namespace: 'b' }, [], -1],
  ['lists are split and added to', ['-f', 'a,b', '-f', 'c', '--env', 'A=1,2'], { filename: ['a', 'b', 'c'], env: ['A=1,2'] }, [], -1],
  ['words after -- are left alone, in order', ['pod', '--', 'ls', '-la', 'ls', '--'], {}, ['pod', 'ls', '-la', 'ls', '--'], 1],
  ['a single dash is a word', ['-f', '-', '-'], { filename: ['-'] }, ['-'], -1],
];

for (const [name, argv, values, words, dashAt] of CASES)
  test(name, () => {
    const parsed = parseArgs(argv, flags);
    for (const [flag, value] of Object.entries(values)) assert.deepEqual(parsed.values[flag], value, flag);
    assert.deepEqual(parsed.words, words);
    assert.equal(parsed.dashAt, dashAt);
  });

const WRONG: [string[], RegExp][] = [
  [['--nope'], /unknown flag: --nope/],
  [['-z'], /unknown shorthand flag: 'z' in -z/],
  [['--output'], /flag needs an argument: --output/],
  [['--replicas=many'], /invalid argument "many" for "--replicas"/],
  [['--dry-run=maybe'], /must be one of none, client, server/],
  [['--stdin=perhaps'], /either true or false/],
];

for (const [argv, message] of WRONG) test(`${argv.join(' ')} is refused`, () => void assert.throws(() => parseArgs(argv, flags), message));

test('a mistyped flag is told what was probably meant', () => {
  assert.throws(
    () => parseArgs(['--namepsace', 'x'], flags),
    (error) => error instanceof UsageError && error.hint === 'did you mean --namespace?',
  );
});

test('commands are found behind and among global flags', () => {
  assert.deepEqual(findCommand(['-n', 'shop', 'get', 'pods']), { id: 'get', rest: ['-n', 'shop', 'pods'] });
  assert.deepEqual(findCommand(['rollout', '--context=x', 'status', 'deployment/web']), {
    id: 'rollout status',
    rest: ['--context=x', 'deployment/web'],
  });
  assert.deepEqual(findCommand(['create', 'cm', 'x']), { id: 'create configmap', rest: ['x'] });
  assert.deepEqual(findCommand(['create', '-f', 'x.yaml']), { id: 'create', rest: ['-f', 'x.yaml'] });
  assert.equal(findCommand(['rollout']).id, undefined);
  assert.equal(findCommand(['gte', 'pods']).id, undefined);
});

test('near words are found, far ones are not', () => {
  assert.deepEqual(nearest('gte', ['get', 'delete', 'set']), ['get']);
  assert.deepEqual(nearest('roll', ['rollout', 'run']), ['rollout']);
  assert.deepEqual(nearest('xyzzy', ['get', 'delete']), []);
});

test("durations are Go's", () => {
  assert.equal(durationMs('1m30s'), 90_000);
  assert.equal(durationMs('1.5h'), 5_400_000);
  assert.equal(durationMs('0'), 0);
  assert.equal(durationMs('-1s'), -1000);
  assert.throws(() => durationMs('soon'), UsageError);
});
