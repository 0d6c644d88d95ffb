import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { compressedFile } from '../../../src/hosts/ssh/compressed-file.ts';

const root = mkdtempSync(join(tmpdir(), 'slipway-compressed-'));
after(() => rmSync(root, { recursive: true }));
process.env['XDG_CACHE_HOME'] = root;
const folder = join(root, 'slipway/compressed');
const source = (name: string, text: string): string => {
  writeFileSync(join(root, name), text);
  return join(root, name);
};
const age = (name: string, hours: number): void => {
  const at = new Date(Date.now() - hours * 3_600_000);
  utimesSync(join(folder, name), at, at);
};

test('what is sent is the file, and its digest that of the file', async () => {
  const { digest, path } = await compressedFile(source('one', 'hello'));
  assert.equal(gunzipSync(readFileSync(path)).toString(), 'hello');
  assert.equal(digest, createHash('sha256').update('hello').digest('hex'));
});

test('the ones used longest ago go first, and what was left half made; what is in use stays, however many', async () => {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  const make = (key: string, hours: number): void => {
    for (const suffix of ['gz', 'sha256']) {
      writeFileSync(join(folder, `${key}.${suffix}`), key);
      age(`${key}.${suffix}`, hours);
    }
  };
  for (let index = 0; index < 20; index++) make(`new${index}`, 0.5);
  for (let index = 0; index < 20; index++) make(`old${index}`, 2 + index);
  writeFileSync(join(folder, 'killed.gz.0badcafe'), 'half');
  age('killed.gz.0badcafe', 3);
  writeFileSync(join(folder, 'working.gz.0badcafe'), 'half');
  await compressedFile(source('two', 'more'));
  const keys = readdirSync(folder)
    .filter((name) => name.endsWith('.gz'))
    .map((name) => name.slice(0, -3));
  assert.equal(keys.filter((key) => key.startsWith('new')).length, 20);
  assert.deepEqual(
    keys.filter((key) => key.startsWith('old')),
    [],
  );
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('0badcafe')),
    ['working.gz.0badcafe'],
  );
});

test('processes that compress and clear up at the same time do not disturb each other', async () => {
  const files = Array.from({ length: 15 }, (_, index) => source(`shared${index}`, `text ${index} `.repeat(10_000)));
  const program = `
    import { compressedFile } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../../src/hosts/ssh/compressed-file.ts')).href)};
    import { readFileSync } from 'node:fs';
    import { gunzipSync } from 'node:zlib';
    for (const file of ${JSON.stringify(files)}) {
      const { path } = await compressedFile(file);
      if (!gunzipSync(readFileSync(path)).equals(readFileSync(file))) throw new Error('another file: ' + file);
    }`;
  const script = join(root, 'program.ts');
  writeFileSync(script, program);
  const outcomes = await Promise.all(
    Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, [script], { stdio: ['ignore', 'ignore', 'pipe'] });
      let said = '';
      child.stderr.on('data', (part: Buffer) => {
        said += part.toString();
      });
      return new Promise<string>((resolve) => child.once('exit', (code) => resolve(code === 0 ? 'done' : said)));
    }),
  );
  assert.deepEqual(outcomes, ['done', 'done', 'done', 'done']);
});
