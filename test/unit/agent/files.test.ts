import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { PodCheckpoints } from '../../../src/agent/pods/pod-checkpoints.ts';
import { type LogOptions, readContainerLog } from '../../../src/agent/server/container-logs.ts';
import { type ProjectedFile, writeAtomically } from '../../../src/agent/volumes/atomic-writer.ts';
import { createLogger } from '../../../src/base/log/logger.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'agent-files-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const payload = (files: Record<string, string>, mode = 0o644): Map<string, ProjectedFile> =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));

test('files appear together, change together, and only when they differ', async () => {
  const target = join(dir, 'v');
  assert.equal(await writeAtomically(target, payload({ a: '1', 'sub/b': '2' }), { now: 0 }), true);
  assert.equal(readFileSync(join(target, 'sub/b'), 'utf8'), '2');
  assert.equal(readlinkSync(join(target, 'a')), '..data/a');
  const first = readlinkSync(join(target, '..data'));
  assert.equal(await writeAtomically(target, payload({ a: '1', 'sub/b': '2' }), { now: 1 }), false);
  assert.equal(await writeAtomically(target, payload({ a: 'new', c: '3' }, 0o400), { now: 2 }), true);
  assert.deepEqual(
    readdirSync(target).filter((name) => !name.startsWith('..')),
    ['a', 'c'],
  );
  assert.equal(readFileSync(join(target, 'a'), 'utf8'), 'new');
  assert.equal(statSync(join(target, 'c')).mode & 0o777, 0o400);
  assert.ok(!readdirSync(target).includes(first), 'the old set is removed');
});

const LOG = [
  '2026-01-01T00:00:01.000000000Z stdout F one',
  '2026-01-01T00:00:02.000000000Z stderr F two',
  '2026-01-01T00:00:03.000000000Z stdout P thr',
  '2026-01-01T00:00:03.000000000Z stdout F ee',
  '',
].join('\n');
const read = async (path: string, options: Partial<LogOptions> = {}): Promise<string> => {
  const chunks: Buffer[] = [];
  const all: LogOptions = {
    follow: false,
    tailLines: undefined,
    since: undefined,
    timestamps: false,
    limitBytes: undefined,
    stream: undefined,
    signal: new AbortController().signal,
    hasEnded: async () => true,
    ...options,
  };
  for await (const chunk of readContainerLog(path, all)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

test('a log is read whole, from its end, by time, by stream, with times, up to a limit', async () => {
  const path = join(dir, '0.log');
  writeFileSync(path, LOG);
  assert.equal(await read(path), 'one\ntwo\nthree\n');
  assert.equal(await read(path, { tailLines: 1 }), 'ee\n');
  assert.equal(await read(path, { tailLines: 0 }), '');
  assert.equal(await read(path, { tailLines: 100 }), 'one\ntwo\nthree\n');
  assert.equal(await read(path, { since: Date.parse('2026-01-01T00:00:02Z') }), 'two\nthree\n');
  assert.equal(await read(path, { stream: 'stderr' }), 'two\n');
  assert.equal(await read(path, { stream: 'stderr', timestamps: true }), '2026-01-01T00:00:02.000000000Z two\n');
  assert.equal(await read(path, { limitBytes: 5 }), 'one\nt');
});

test('a log is followed over its rotation until its container has ended', async () => {
  const path = join(dir, '0.log');
  writeFileSync(path, LOG);
  let looks = 0;
  const hasEnded = async (): Promise<boolean> => {
    looks++;
    if (looks === 1) {
      renameSync(path, `${path}.old`);
      appendFileSync(`${path}.old`, '2026-01-01T00:00:04Z stdout F late\n');
      writeFileSync(path, '2026-01-01T00:00:05Z stdout F fresh\n');
    }
    return looks > 3;
  };
  assert.equal(await read(path, { follow: true, tailLines: 0, hasEnded }).then((text) => text.includes('fresh')), true);
});

test('pods are found again in their checkpoints', async () => {
  const log = createLogger({ level: 'silent' });
  const checkpoints = new PodCheckpoints({ rootDir: dir, log });
  const pod = (uid: string) => ({ metadata: { name: uid, namespace: 'default', uid }, spec: { containers: [] } });
  checkpoints.save(pod('a'));
  checkpoints.save(pod('b'));
  checkpoints.remove('a');
  await checkpoints.flushed();
  assert.deepEqual(
    (await new PodCheckpoints({ rootDir: dir, log }).load()).map(({ metadata }) => metadata.uid),
    ['b'],
  );
});
