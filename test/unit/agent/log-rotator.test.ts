import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogRotator } from '../../../src/agent/pods/log-rotator.ts';
import { createLogger } from '../../../src/base/log/logger.ts';

test('a log that has grown is put aside, older ones are packed, and at most five files stay', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'agent-logs-'));
  const logPath = join(dir, '0.log');
  let reopened = 0;
  const rotator = new LogRotator({
    cri: {
      reopenContainerLog: async () => {
        reopened++;
        writeFileSync(logPath, '');
      },
    } as never,
    manager: { workers: () => [{ state: { containers: [{ id: 'x', state: 'running', logPath }] } }] } as never,
    log: createLogger({ level: 'silent' }),
    maxBytes: 10,
  });
  writeFileSync(logPath, 'short');
  await rotator.rotateAll();
  assert.equal(reopened, 0);
  for (let day = 1; day <= 6; day++) writeFileSync(`${logPath}.2020010${day}-000000`, `old ${day}`);
  writeFileSync(logPath, 'a line that is too long');
  await rotator.rotateAll();
  assert.equal(reopened, 1);
  assert.equal(statSync(logPath).size, 0);
  const names = readdirSync(dir).sort();
  assert.equal(names.length, 5);
  assert.deepEqual(names.slice(1, 4), ['0.log.20200104-000000.gz', '0.log.20200105-000000.gz', '0.log.20200106-000000.gz']);
  assert.equal(readFileSync(join(dir, names[4] as string), 'utf8'), 'a line that is too long');
  rmSync(dir, { recursive: true });
});

test('a runtime that does not reopen the log keeps writing to it under its own name', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'agent-logs-'));
  const logPath = join(dir, '0.log');
  const rotator = new LogRotator({
    cri: { reopenContainerLog: async () => Promise.reject(new Error('away')) } as never,
    manager: { workers: () => [{ state: { containers: [{ id: 'x', state: 'running', logPath }] } }] } as never,
    log: createLogger({ level: 'silent' }),
    maxBytes: 10,
  });
  writeFileSync(logPath, 'a line that is too long');
  await assert.rejects(rotator.rotateAll(), /away/);
  assert.deepEqual(readdirSync(dir), ['0.log']);
  rmSync(dir, { recursive: true });
});
