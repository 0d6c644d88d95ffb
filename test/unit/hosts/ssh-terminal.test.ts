import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededTerminal, terminalCommand } from '../../../src/hosts/ssh/ssh-terminal.ts';

const STRICT = ['-o', 'StrictHostKeyChecking=yes'];
const root = { host: '192.0.2.1', port: 22, user: 'root' };
const dev = { host: 'box', port: 2222, user: 'dev' };
const known = ['-o', 'UserKnownHostsFile="/k o/known" ~/.ssh/known_hosts'];
const knownHosts = ['/k o/known', '~/.ssh/known_hosts'];

for (const [what, target, command, wanted] of [
  ['root has a shell', root, [], ['-p', '22', '-l', 'root', ...STRICT, ...known, '-t', '192.0.2.1']],
  [
    'root runs words as they are',
    root,
    ['echo', "it's"],
    ['-p', '22', '-l', 'root', ...STRICT, ...known, '192.0.2.1', '--', "echo 'it'\\''s'"],
  ],
  ['another user becomes root on the terminal', dev, [], ['-p', '2222', '-l', 'dev', ...STRICT, ...known, '-t', 'box', '--', 'sudo -i']],
  ['and is asked nothing for a command', dev, ['id'], ['-p', '2222', '-l', 'dev', ...STRICT, ...known, 'box', '--', 'sudo -n -- id']],
] as const)
  test(what, () => assert.deepEqual(terminalCommand({ target, knownHosts }, command), ['ssh', ...wanted]));

test('a key and hosts on the way are handed on', () => {
  const line = terminalCommand({ target: root, identityFile: '/key', jumpHost: 'a@b,c', knownHosts }, []).join(' ');
  assert.match(line, / -i \/key -J a@b,c -t 192\.0\.2\.1$/);
});

test('a machine that was given its key is trusted by that key alone, which lies in a private file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-terminal-'));
  try {
    const file = join(folder, 'terminals/n1');
    const hostKeys = ['ssh-ed25519 AAAA one\n', 'ssh-ed25519 BBBB'];
    const command = await seededTerminal({ target: { ...root, port: 2200 }, identityFile: '/key', hostKeys, file }, ['true']);
    assert.deepEqual(command.slice(0, 5), ['ssh', '-F', 'none', '-o', 'IdentitiesOnly=yes']);
    assert.ok(command.includes(`UserKnownHostsFile="${file}"`));
    assert.equal(readFileSync(file, 'utf8'), '[192.0.2.1]:2200 ssh-ed25519 AAAA one\n[192.0.2.1]:2200 ssh-ed25519 BBBB\n');
    assert.equal(statSync(file).mode & 0o777, 0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
