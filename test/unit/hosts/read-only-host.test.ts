/** A host for plans: nothing is changed on it, and what would be is told. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createLocalHost } from '../../../src/hosts/local/local-host.ts';
import { createReadOnlyHost, type HostDifference } from '../../../src/hosts/read-only-host.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-read-only-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'file');
writeFileSync(path, 'text', { mode: 0o600 });

const seen: HostDifference[] = [];
const host = await createReadOnlyHost(await createLocalHost({ name: 'here', services: 'systemd' }), (difference) => seen.push(difference));
const told = async (work: () => Promise<unknown>): Promise<[unknown, HostDifference[]]> => {
  seen.length = 0;
  return [await work(), [...seen]];
};

test('what is as it is to be is no difference', async () => {
  assert.deepEqual(await told(() => host.writeFile(path, 'text', { mode: 0o600 })), [{ changed: false }, []]);
  assert.deepEqual(await told(() => host.copyFile(path, path, { mode: 0o600 })), [{ changed: false }, []]);
});

test('other text, another mode and a file that is not there are told, and nothing is written', async () => {
  const change = { kind: 'file', name: path, action: 'change' };
  assert.deepEqual(await told(() => host.writeFile(path, 'other', { mode: 0o600 })), [{ changed: true }, [change]]);
  assert.deepEqual(await told(() => host.writeFile(path, 'text', { mode: 0o644 })), [{ changed: true }, [change]]);
  assert.deepEqual(await told(() => host.copyFile(import.meta.filename, path, { mode: 0o600 })), [{ changed: true }, [change]]);
  assert.deepEqual((await told(() => host.writeFile(`${path}-2`, 'x', { mode: 0o600 })))[1], [
    { ...change, name: `${path}-2`, action: 'create' },
  ]);
  assert.deepEqual(readdirSync(folder), ['file']);
});

test('only commands that are marked as looking are run', async () => {
  assert.deepEqual((await told(() => host.run(['touch', `${path}-3`])))[1], [
    { kind: 'command', name: `touch ${path}-3`, action: 'change' },
  ]);
  const [result, differences] = await told(() => host.run(['cat', path], { readOnly: true }));
  assert.deepEqual([(result as { stdout: string }).stdout, differences], ['text', []]);
  assert.deepEqual(readdirSync(folder), ['file']);
});

test('services are laid down and restarted in words only', async () => {
  const unit = { name: 'slipway-test-unit', description: 'x', command: ['true'] };
  const [installed, differences] = await told(() => host.services.install(unit));
  assert.deepEqual(installed, { changed: true });
  assert.deepEqual(differences[0], { kind: 'file', name: '/etc/systemd/system/slipway-test-unit.service', action: 'create' });
  assert.deepEqual((await told(() => host.services.restart('slipway-test-unit')))[1], [
    { kind: 'service', name: 'slipway-test-unit', action: 'change' },
  ]);
});
