/** What cannot be a cluster file at all, and files that one names: told at once, with what to type. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SlipwayError } from '../../../../src/base/errors/slipway-error.ts';
import { readWishes } from '../../../../src/provision/file/read-wishes.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-file-'));
after(() => rmSync(folder, { recursive: true }));

const HEAD = 'apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: demo}\n';
const path = join(folder, 'cluster.yaml');
const load = (file: string, { applies = true, stdin = '' } = {}) => {
  const bytes = async function* () {
    yield Buffer.from(stdin);
  };
  return readWishes({}, { file, stdin: bytes(), applies });
};
const complaint = (file: string, options = {}): Promise<SlipwayError> =>
  load(file, options).then(
    () => assert.fail('it was taken'),
    (error: SlipwayError) => error,
  );

const UNREADABLE: readonly [it: string, file: string, reason: RegExp, advice: string[]][] = [
  ['a file that is not there', join(folder, 'gone.yaml'), /there is no such file/, [`slipway init -o ${join(folder, 'gone.yaml')}`]],
  ['a folder', folder, /it is a folder: name the file in it/, [`ls ${folder}`, `slipway plan -f ${folder}/cluster.yaml`]],
  ['a URL', 'http://192.0.2.1/c.yaml', /not a URL/, ['curl -fsSL http://192.0.2.1/c.yaml | slipway plan -f -']],
  ['a device without an end', '/dev/zero', /it has more than 1048576 bytes/, []],
];

for (const [it, file, reason, advice] of UNREADABLE)
  test(`${it} is told`, async () => {
    const error = await complaint(file);
    assert.equal(error.code, 'CONFIG_INVALID');
    assert.match(error.reason ?? '', reason);
    assert.deepEqual(error.advice, advice);
  });

const ENCODED: readonly [it: string, bytes: Buffer, reason: string][] = [
  ['UTF-16', Buffer.from(`\ufeff${HEAD}`, 'utf16le'), 'it is UTF-16, and a cluster file is UTF-8'],
  ['UTF-16 the other way round', Buffer.from(`\ufeff${HEAD}`, 'utf16le').swap16(), 'it is UTF-16, and a cluster file is UTF-8'],
  ['Latin-1', Buffer.from(`${HEAD}# caf\xe9\n`, 'latin1'), 'it is not UTF-8, and a cluster file is UTF-8'],
];

for (const [it, bytes, reason] of ENCODED)
  test(`${it} is told`, async () => {
    writeFileSync(path, bytes);
    assert.equal((await complaint(path)).reason, reason);
  });

test('UTF-8 with a mark of its byte order is read', async () => {
  writeFileSync(path, `\ufeff${HEAD}`);
  assert.equal((await load(path)).wishes.name, 'demo');
});

test('stdin is read, and its faults are to be tried again from there', async () => {
  assert.equal((await load('-', { stdin: HEAD })).wishes.name, 'demo');
  const error = await complaint('-', { stdin: `${HEAD}spec: {drivr: ssh}\n` });
  assert.match(error.reason ?? '', /^stdin:4:8: spec\.drivr: /);
  assert.equal(error.advice[0], 'slipway plan -f -   # after mending it');
});

test('manifests that are not there, or cannot be read, are told before anything is made', async () => {
  writeFileSync(path, `${HEAD}spec:\n  manifests: [nosuch.yaml, there, none/x.yaml]\n`);
  mkdirSync(join(folder, 'there'));
  assert.equal(
    (await complaint(path)).reason,
    `${path}:5:15: spec.manifests[0]: there is no file or folder ${folder}/nosuch.yaml\n${path}:5:35: spec.manifests[2]: there is no file or folder ${folder}/none/x.yaml`,
  );
  assert.equal((await load(path, { applies: false })).wishes.name, 'demo');
  writeFileSync(join(folder, 'there/web.yaml'), 'kind: ConfigMap\n');
  writeFileSync(path, `${HEAD}spec:\n  manifests: [there]\n`);
  assert.equal((await complaint(path)).code, 'MANIFEST_INVALID');
  writeFileSync(path, `${HEAD}spec:\n  manifests: [made-later.yaml]\n  hooks: {beforeUp: [make made-later.yaml]}\n`);
  assert.equal((await load(path)).wishes.name, 'demo');
});
