import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fingerprint, KnownHosts, seededHostKey } from '../../../src/hosts/ssh/known-hosts.ts';
import { makeSshKey } from '../../../src/hosts/ssh/make-ssh-key.ts';
import { isLockedKey } from '../../../src/hosts/ssh/ssh-keys.ts';
import { knownHostsName, movedHost, parseSshTarget } from '../../../src/hosts/ssh/ssh-target.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-ssh-'));
after(() => rmSync(folder, { recursive: true }));

describe('targets', () => {
  const CASES: readonly [text: string, host: string, port: number, user: string | undefined][] = [
    ['root@192.0.2.1', '192.0.2.1', 22, 'root'],
    ['192.0.2.1', '192.0.2.1', 22, undefined],
    ['me@box.example:2222', 'box.example', 2222, 'me'],
    ['me@[fd00::2]:2222', 'fd00::2', 2222, 'me'],
    ['[fd00::2]', 'fd00::2', 22, undefined],
  ];
  for (const [text, host, port, user] of CASES)
    test(`${text} is read`, () => {
      const target = parseSshTarget(text);
      assert.deepEqual([target.host, target.port], [host, port]);
      if (user) assert.equal(target.user, user);
    });
  for (const text of ['', 'a b', 'me@', 'me@box:0', 'me@box:99999', 'me@box:22:22', 'fd00::2'])
    test(`${JSON.stringify(text)} is refused`, () => assert.throws(() => parseSshTarget(text), { code: 'CONFIG_INVALID' }));
});

const keyOf = (type: string): Buffer => {
  const body = randomBytes(32);
  const part = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  return Buffer.concat([part(Buffer.from(type)), part(body)]);
};

describe('known hosts', () => {
  const target = { host: 'box.example', port: 2222, user: 'me' };
  const key = keyOf('ssh-ed25519');
  const other = keyOf('ssh-ed25519');
  const open = (name: string, lines: string[]): { known: KnownHosts; said: string[]; pinFile: string } => {
    const file = join(folder, `${name}-user`);
    writeFileSync(file, lines.join('\n'));
    const said: string[] = [];
    const pinFile = join(folder, name);
    return { known: new KnownHosts({ pinFile, files: [file], onFirstUse: (line) => said.push(line) }), said, pinFile };
  };
  const line = (host: string, bytes: Buffer): string => `${host} ssh-ed25519 ${bytes.toString('base64')} comment`;

  test('an unknown host is pinned at first use, privately, and told once', async () => {
    const { known, said, pinFile } = open('first', []);
    await known.verify(target, key);
    await known.verify(target, key);
    assert.deepEqual(said, [`[box.example]:2222 is trusted from now on by its key ${fingerprint(key)}`]);
    assert.equal(statSync(pinFile).mode & 0o777, 0o600);
    assert.match(readFileSync(pinFile, 'utf8'), /^\[box\.example\]:2222 ssh-ed25519 /);
    await assert.rejects(known.verify(target, other), { code: 'HOST_KEY_MISMATCH' });
  });

  const hashed = (name: string): string => {
    const salt = randomBytes(20);
    return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
  };
  const KNOWN: readonly [what: string, lines: string[]][] = [
    ['plain', [line('[box.example]:2222', key)]],
    ['hashed', [line(hashed('[box.example]:2222'), key)]],
    ['a pattern', [line('[*.example]:2222,!other', key)]],
    ['one of several keys', [line('[box.example]:2222', other), line('[box.example]:2222', key)]],
  ];
  for (const [what, lines] of KNOWN)
    test(`a key that known_hosts has as ${what} is accepted without a word`, async () => {
      const { known, said } = open(`known-${what.replaceAll(' ', '-')}`, lines);
      await known.verify(target, key);
      assert.deepEqual(said, []);
      assert.deepEqual(await known.typesOf(target), ['ssh-ed25519']);
    });

  test('a host that is known by another key, or whose key is revoked, is refused', async () => {
    await assert.rejects(open('other', [line('[box.example]:2222', other)]).known.verify(target, key), { code: 'HOST_KEY_MISMATCH' });
    const revoked = open('revoked', [`@revoked ${line('[box.example]:2222', key)}`, line('[box.example]:2222', key)]);
    await assert.rejects(revoked.known.verify(target, key), { code: 'HOST_KEY_MISMATCH' });
  });

  test('the standard port stands alone in known_hosts', () => {
    assert.equal(knownHostsName({ host: 'box', port: 22 }), 'box');
  });
});

describe('private keys', () => {
  const make = (name: string, args: string[]): string => {
    const path = join(folder, name);
    execFileSync('ssh-keygen', ['-q', '-f', path, ...args]);
    return readFileSync(path, 'utf8');
  };
  const skip = ((): string | false => {
    try {
      execFileSync('ssh-keygen', ['-?'], { stdio: 'ignore' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'ssh-keygen is not installed';
    }
    return false;
  })();
  test('a passphrase is seen in each format', { skip }, () => {
    assert.equal(isLockedKey(make('open', ['-t', 'ed25519', '-N', ''])), false);
    assert.equal(isLockedKey(make('locked', ['-t', 'ed25519', '-N', 'words'])), true);
    assert.equal(isLockedKey(make('pem-open', ['-t', 'rsa', '-m', 'PEM', '-N', ''])), false);
    assert.equal(isLockedKey(make('pem-locked', ['-t', 'rsa', '-m', 'PEM', '-N', 'words'])), true);
  });
});

test('a machine that was given its key is trusted by that key alone', async () => {
  const [own, other] = [makeSshKey('demo-1'), makeSshKey('stranger')];
  const target = parseSshTarget('slipway@192.0.2.7');
  const bytes = (line: string): Buffer => Buffer.from(line.split(' ')[1] ?? '', 'base64');
  const keys = seededHostKey(own.publicKey);
  assert.deepEqual(await keys.typesOf(target), ['ssh-ed25519']);
  await keys.verify(target, bytes(own.publicKey));
  await assert.rejects(keys.verify(target, bytes(other.publicKey)), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'HOST_KEY_MISMATCH');
    for (const pair of [own, other]) assert.ok(error.message.includes(fingerprint(bytes(pair.publicKey))));
    return true;
  });
});

test('every key that is made is whole: one of 256 would be a byte short', () => {
  const lengths = Array.from({ length: 2000 }, () => Buffer.from(makeSshKey('k').publicKey.split(' ')[1] ?? '', 'base64').length);
  assert.deepEqual([...new Set(lengths)], [51]);
});

test('a host moves with its address where it was given by it, and is not changed by an address that is only like it', () => {
  const moved = (text: string): string => movedHost(text, { from: '10.0.0.1', to: '10.0.0.7' });
  assert.deepEqual(['10.0.0.1', 'root@10.0.0.1:2222', 'root@10.0.0.12', '110.0.0.1', 'box-10.0.0.1', 'box'].map(moved), [
    '10.0.0.7',
    'root@10.0.0.7:2222',
    'root@10.0.0.12',
    '110.0.0.1',
    'box-10.0.0.1',
    'box',
  ]);
});
