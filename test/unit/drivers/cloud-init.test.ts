import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { renderMetaData, renderNetworkConfig, renderUserData } from '../../../src/drivers/cloud-init/cloud-config.ts';
import { nocloudSeed } from '../../../src/drivers/cloud-init/nocloud-seed.ts';
import { seedImage } from '../../../src/drivers/cloud-init/seed-image.ts';
import { keepSshKey, makeSshKey } from '../../../src/hosts/ssh/make-ssh-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-cloud-init-'));
after(() => rmSync(folder, { recursive: true }));

const hostKey = makeSshKey('demo-1');
const config = {
  instanceId: 'demo-1-0123',
  hostname: 'demo-1',
  user: 'slipway',
  authorizedKeys: ['ssh-ed25519 AAAA demo: "quoted"'],
  hostKey,
};

test('user data is cloud-config with the user, its keys and the key of the host', () => {
  const text = renderUserData(config);
  assert.ok(text.startsWith('#cloud-config\n'));
  const read = parse(text);
  assert.equal(read.hostname, 'demo-1');
  assert.deepEqual(read.users, [
    {
      name: 'slipway',
      shell: '/bin/bash',
      lock_passwd: true,
      sudo: 'ALL=(ALL) NOPASSWD:ALL',
      ssh_authorized_keys: config.authorizedKeys,
    },
  ]);
  assert.deepEqual(read.ssh_keys, { ed25519_private: hostKey.privateKey, ed25519_public: hostKey.publicKey });
  assert.equal(read.ssh_deletekeys, true);
  assert.deepEqual(parse(renderMetaData(config)), { 'instance-id': 'demo-1-0123', 'local-hostname': 'demo-1' });
});

test('interfaces are told apart by their MAC; one by DHCP, one with an address of its own', () => {
  const text = renderNetworkConfig([
    { mac: '52:54:00:00:00:01', dhcp: true },
    { mac: '52:54:00:00:00:02', address: '10.77.0.11/24', gateway: '10.77.0.1', nameservers: ['10.77.0.1'] },
    { mac: '52:54:00:00:00:03', address: '10.78.0.11/24' },
  ]);
  assert.deepEqual(parse(text), {
    version: 2,
    ethernets: {
      nic0: { match: { macaddress: '52:54:00:00:00:01' }, dhcp4: true },
      nic1: {
        match: { macaddress: '52:54:00:00:00:02' },
        addresses: ['10.77.0.11/24'],
        routes: [{ to: '0.0.0.0/0', via: '10.77.0.1' }],
        nameservers: { addresses: ['10.77.0.1'] },
      },
      nic2: { match: { macaddress: '52:54:00:00:00:03' }, addresses: ['10.78.0.11/24'] },
    },
  });
});

const available = (program: string): string | false => (spawnSync(program, ['--version']).error ? `no ${program} here` : false);

test('blkid finds a file system of the name that cloud-init looks for', { skip: available('blkid') }, () => {
  const path = join(folder, 'seed.iso');
  writeFileSync(path, nocloudSeed(config, []));
  const { stdout } = spawnSync('blkid', ['--probe', '--output', 'export', path], { encoding: 'utf8' });
  assert.match(stdout, /^LABEL=cidata$/m);
  assert.match(stdout, /^TYPE=iso9660$/m);
});

test('another reader of ISO 9660 finds the names and bytes', { skip: available('isoinfo') }, () => {
  const path = join(folder, 'files.iso');
  const long = `long ${'x'.repeat(5000)}`;
  const empty = '';
  writeFileSync(
    path,
    seedImage([
      { name: 'user-data', content: long },
      { name: 'meta-data', content: 'short\n' },
      { name: 'empty', content: empty },
    ]),
  );
  const isoinfo = (...args: string[]): string => spawnSync('isoinfo', ['-i', path, ...args], { encoding: 'utf8' }).stdout;
  assert.deepEqual(isoinfo('-J', '-f').trim().split('\n').sort(), ['/empty', '/meta-data', '/user-data']);
  assert.equal(isoinfo('-J', '-x', '/user-data'), long);
  assert.equal(isoinfo('-J', '-x', '/meta-data'), 'short\n');
  assert.match(isoinfo('-d'), /Volume id: cidata/);
});

test('the same seed has the same bytes, and one with too many files is refused', () => {
  const files = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `file-${index}`, content: 'x' }));
  assert.ok(seedImage(files(20)).equals(seedImage(files(20))));
  assert.throws(() => seedImage(files(21)), RangeError);
});

test('a key is made once, private to its owner, and read again', async () => {
  const path = join(folder, 'keys', 'id_ed25519');
  const made = await keepSshKey(path, 'slipway demo');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(await keepSshKey(path, 'other'), made);
  const shown = spawnSync('ssh-keygen', ['-y', '-f', path], { encoding: 'utf8' });
  if (!shown.error) assert.equal(shown.stdout.trim(), made.publicKey);
  writeFileSync(path, 'no key');
  await assert.rejects(keepSshKey(path, 'slipway demo'), { code: 'STATE_CORRUPT' });
});
