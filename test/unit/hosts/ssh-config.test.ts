import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { resolveRoute } from '../../../src/hosts/ssh/resolve-target.ts';
import { type ConfigBlock, readSshConfig, settingsOf } from '../../../src/hosts/ssh/ssh-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-config-'));
after(() => rmSync(folder, { recursive: true }));
let config: ConfigBlock[];
before(async () => {
  writeFileSync(join(folder, 'more'), 'Host included\n  User ingrid\n');
  const file = join(folder, 'config');
  writeFileSync(
    file,
    `# my hosts
Include ${join(folder, 'mo*')}
Host web-* !web-9
  HostName %h.lab.example
  User = deploy
  Port 2222
Host web-1
  User late
  IdentityFile "~/.ssh/web key"
Host inner
  HostName 10.0.0.5
  ProxyJump gate,other@second:2200
Host gate
  HostName gate.example
  User guard
  ProxyJump outer
  IdentityFile ${folder}/gate-key
Match user somebody
  Port 1
Host loop
  ProxyJump loop
Host *
  User everyone
`,
  );
  config = await readSshConfig([file, join(folder, 'absent')]);
});

describe('the ssh configuration', () => {
  test('the first value that fits counts', () => {
    const { identityFile, ...web } = settingsOf(config, 'web-1');
    assert.deepEqual(web, { hostName: 'web-1.lab.example', user: 'deploy', port: 2222, proxyJump: undefined });
    assert.match(identityFile ?? '', /^\/.*\/\.ssh\/web key$/);
    assert.equal(settingsOf(config, 'web-9').hostName, undefined);
    assert.equal(settingsOf(config, 'included').user, 'ingrid');
    assert.equal(settingsOf(config, 'elsewhere').port, undefined, 'Match blocks are passed over');
  });
  test('what is written wins', () => {
    const { target, jumps } = resolveRoute({ host: 'root@web-1:22' }, config);
    assert.deepEqual(target, { host: 'web-1.lab.example', user: 'root', port: 22 });
    assert.deepEqual(jumps, []);
    assert.equal(resolveRoute({ host: '192.0.2.1' }, []).target.user, userInfo().username);
  });
  test('hosts on the way may have some of their own', () => {
    const { jumps } = resolveRoute({ host: 'inner' }, config);
    assert.deepEqual(
      jumps.map(({ host, user, port }) => `${user}@${host}:${port}`),
      ['everyone@outer:22', 'guard@gate.example:22', 'other@second:2200'],
    );
    assert.equal(jumps[1]?.identityFile, `${folder}/gate-key`);
  });
  test('a flag replaces them, and may name several', () => {
    const { jumps } = resolveRoute({ host: 'inner', jumpHost: 'a@one,b@two:23', identityFile: '/key' }, config);
    assert.deepEqual(jumps, [
      { host: 'one', user: 'a', port: 22, identityFile: '/key' },
      { host: 'two', user: 'b', port: 23, identityFile: '/key' },
    ]);
  });
  test('a way in a circle is refused', () => {
    assert.throws(() => resolveRoute({ host: 'loop' }, config), { code: 'CONFIG_INVALID' });
  });
});
