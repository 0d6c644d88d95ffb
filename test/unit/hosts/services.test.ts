import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { shellQuote } from '../../../src/base/templates/template.ts';
import { runText } from '../../../src/hosts/services/runit-services.ts';
import { unitText } from '../../../src/hosts/services/systemd-services.ts';

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
