/** The bundled server as it lies on a node: one file, its store's thread inside. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { askAsAdmin, layDownServer } from '../support/server-folder.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = mkdtempSync(join(tmpdir(), 'slipway-server-'));
const program = join(folder, 'slipway-server.js');
const running = new Set<ChildProcess>();

before(() => {
  execFileSync(process.execPath, ['bin/build.js'], { cwd: root });
  // Alone in a folder: it must need nothing beside it.
  copyFileSync(join(root, 'dist/slipway-server.js'), program);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
});
after(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  child: ChildProcess;
  /** Resolves to the exit code. */
  ended: Promise<number | null>;
  lines: Record<string, unknown>[];
  port: Promise<number>;
}

const start = (): Started => {
  const child = spawn(process.execPath, [program, '--config', join(folder, 'server.json')], { stdio: ['ignore', 'ignore', 'pipe'] });
  running.add(child);
  const lines: Record<string, unknown>[] = [];
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const port = new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stderr as NonNullable<typeof child.stderr> }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      const record = JSON.parse(line) as Record<string, unknown>;
      lines.push(record);
      if (record['message'] === 'slipway-server runs') resolve(Number(record['port']));
    });
    void ended.then(() => reject(new Error(`the server ended: ${JSON.stringify(lines)}`)));
  });
  port.catch(() => undefined);
  return { child, ended, lines, port };
};

test('serves the API, keeps what was written through kill -9, and stops in order', { timeout: 120_000 }, async () => {
  await layDownServer(folder, { port: 0, components: ['apiserver', 'scheduler', 'controllers'] });
  const first = start();
  const created = await askAsAdmin(folder, {
    port: await first.port,
    path: '/api/v1/namespaces/default/configmaps',
    method: 'POST',
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept' }, data: { a: 'b' } },
  });
  assert.equal(created.status, 201, JSON.stringify(created.body));
  first.child.kill('SIGKILL');
  await first.ended;

  const second = start();
  const read = await askAsAdmin(folder, { port: await second.port, path: '/api/v1/namespaces/default/configmaps/kept' });
  assert.deepEqual((read.body as { data: unknown }).data, { a: 'b' });
  second.child.kill('SIGTERM');
  assert.equal(await second.ended, 0, JSON.stringify(second.lines.slice(-5)));
});

test('says in one line why it cannot start, and exits with 1', { timeout: 60_000 }, async () => {
  await layDownServer(folder, {
    port: 0,
    change: (config) => {
      config.podCidr = 'nonsense';
    },
  });
  const wrong = start();
  assert.equal(await wrong.ended, 1);
  assert.equal(wrong.lines[0]?.['code'], 'CONFIG_INVALID');
  assert.match(String(wrong.lines[0]?.['message']), /server\.json: podCidr must be/);

  await layDownServer(folder, { port: 0 });
  writeFileSync(join(folder, 'state.db'), 'damaged '.repeat(4096));
  rmSync(join(folder, 'state.db-wal'), { force: true });
  const damaged = start();
  assert.equal(await damaged.ended, 1);
  assert.equal(damaged.lines[0]?.['code'], 'STORE_CORRUPT');
  assert.ok(String(damaged.lines[0]?.['message']).includes(join(folder, 'state.db')));
});
