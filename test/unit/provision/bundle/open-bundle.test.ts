import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import type { SlipwayError } from '../../../../src/base/errors/slipway-error.ts';
import { PRODUCT_VERSION } from '../../../../src/base/product.ts';
import { targetIn } from '../../../../src/provision/bundle/bundle-manifest.ts';
import { openBundle } from '../../../../src/provision/bundle/open-bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-bundle-test-'));
const home = join(folder, 'home');
process.env['SLIPWAY_HOME'] = home;
after(() => rmSync(folder, { recursive: true, force: true }));

const FILES: Record<string, string> = {
  'programs/node': 'a program',
  'packages/Packages': '',
  'packages/a_1_all.deb': 'x'.repeat(300_000),
};
const target = { distribution: 'debian', version: '12', architecture: 'amd64' };
const digest = (text: string) => ({ sha256: createHash('sha256').update(text).digest('hex'), size: text.length });
const MANIFEST = {
  format: 1,
  version: PRODUCT_VERSION,
  kubernetes: 'v1',
  createdAt: '',
  target,
  packages: [],
  images: [],
  files: Object.fromEntries(Object.entries(FILES).map(([name, text]) => [name, digest(text)])),
};

const bundleOf = async (files: Record<string, string>, manifest: object | string | undefined = MANIFEST): Promise<Buffer> => {
  const archive = pack();
  for (const [name, text] of Object.entries(files)) archive.entry({ name, mode: name.startsWith('programs') ? 0o755 : 0o644 }, text);
  if (manifest !== undefined) archive.entry({ name: 'manifest.json' }, typeof manifest === 'string' ? manifest : JSON.stringify(manifest));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
};
const open = (bytes: Uint8Array) => {
  const path = join(folder, 'bundle.tar.gz');
  writeFileSync(path, bytes);
  return openBundle(path, new AbortController().signal);
};

test('a bundle that is whole is unpacked, private, and gone when it is disposed of', async () => {
  const bundle = await open(await bundleOf(FILES));
  assert.deepEqual(bundle.manifest.target, target);
  assert.equal(readFileSync(bundle.pathOf('programs/node'), 'utf8'), 'a program');
  await bundle.dispose();
  assert.deepEqual(readdirSync(home), []);
});

const without = (name: string) => Object.fromEntries(Object.entries(FILES).filter(([other]) => other !== name));
const whole = await bundleOf(FILES);
const ROWS: readonly [what: string, bytes: Uint8Array, code: string, finding: RegExp][] = [
  ['cut in the middle', whole.subarray(0, whole.length / 2), 'BUNDLE_INVALID', /cut short or damaged/],
  ['cut at its end', whole.subarray(0, -20), 'BUNDLE_INVALID', /cut short/],
  ['a bit that fell over', whole.map((byte, index) => (index === 200 ? byte ^ 0x10 : byte)), 'BUNDLE_INVALID', /./],
  ['no archive', Buffer.from('hello'), 'BUNDLE_INVALID', /damaged/],
  ['without a manifest', await bundleOf(FILES, ''), 'BUNDLE_INVALID', /manifest is not JSON/],
  [
    'a file that is changed',
    await bundleOf({ ...FILES, 'packages/Packages': 'Package: evil' }),
    'BUNDLE_INVALID',
    /packages\/Packages is not what its manifest says/,
  ],
  ['a file more', await bundleOf({ ...FILES, 'packages/evil.deb': 'x' }), 'BUNDLE_INVALID', /packages\/evil\.deb is not what/],
  ['a file less', await bundleOf(without('packages/a_1_all.deb')), 'BUNDLE_INVALID', /packages\/a_1_all\.deb is not in it/],
  ['a file that climbs out', await bundleOf({ ...FILES, '../../../evil': 'x' }), 'BUNDLE_INVALID', /evil is not what/],
  ['another version', await bundleOf(FILES, { ...MANIFEST, version: '0.0.1' }), 'BUNDLE_MISMATCH', /made by Slipway 0\.0\.1, and this is/],
  ['another format', await bundleOf(FILES, { ...MANIFEST, format: 2 }), 'BUNDLE_MISMATCH', /format 1/],
];
for (const [what, bytes, code, finding] of ROWS)
  test(`refused: ${what}`, async () => {
    await assert.rejects(open(bytes), (error: SlipwayError) => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, finding);
      return true;
    });
    assert.deepEqual(readdirSync(home), [], 'nothing of it stays');
  });

test('a file that is not there', async () => {
  await assert.rejects(openBundle(join(folder, 'nowhere'), new AbortController().signal), { code: 'BUNDLE_INVALID' });
});

test('what a host is: from its os-release', () => {
  assert.deepEqual(targetIn('NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n', 'amd64\n'), target);
  assert.equal(targetIn('ID=debian\nVERSION_CODENAME=sid\n', 'arm64').version, 'sid');
});
