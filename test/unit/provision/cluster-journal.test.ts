import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openJournal } from '../../../src/provision/state/cluster-journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-journal-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('what is recorded is found by another process, in order, with the id that came later, until it is forgotten', async () => {
  const journal = openJournal(folder);
  await Promise.all([
    journal.record({ kind: 'vpc', name: 'net', driver: 'aws' }),
    journal.record({ kind: 'machine', name: 'demo-1', driver: 'aws', details: { token: 't1' } }),
  ]);
  await journal.record({ kind: 'vpc', name: 'net', driver: 'aws', id: 'vpc-1' });
  assert.deepEqual(await openJournal(folder).entries(), [
    { kind: 'vpc', name: 'net', driver: 'aws', id: 'vpc-1' },
    { kind: 'machine', name: 'demo-1', driver: 'aws', details: { token: 't1' } },
  ]);
  await journal.forget({ driver: 'aws', kind: 'vpc', name: 'net' });
  assert.deepEqual(
    (await openJournal(folder).entries()).map((entry) => entry.name),
    ['demo-1'],
  );
  assert.equal(statSync(join(folder, 'journal.jsonl')).mode & 0o777, 0o600);
});

test('a line that a crash cut short loses neither those before nor those after it', async () => {
  appendFileSync(join(folder, 'journal.jsonl'), '{"kind":"machine","na');
  await openJournal(folder).record({ kind: 'machine', name: 'demo-2', driver: 'aws' });
  assert.deepEqual(
    (await openJournal(folder).entries()).map((entry) => entry.name),
    ['demo-1', 'demo-2'],
  );
});

test('drivers of one cluster may call what they make by the same name; what an earlier version has forgotten without a driver is gone', async () => {
  const mixed = join(folder, 'mixed');
  const journal = openJournal(mixed);
  await journal.record({ kind: 'network', name: 'lab', driver: 'kvm', details: { uri: 'qemu:///system' } });
  await journal.record({ kind: 'network', name: 'lab', driver: 'local' });
  await journal.forget({ driver: 'local', kind: 'network', name: 'lab' });
  assert.deepEqual(await journal.entries(), [{ kind: 'network', name: 'lab', driver: 'kvm', details: { uri: 'qemu:///system' } }]);
  appendFileSync(join(mixed, 'journal.jsonl'), '{"driver":"","kind":"network","name":"lab","gone":true}\n');
  assert.deepEqual(await journal.entries(), []);
});
