/** Sub-paths of volumes with real mounts, in a mount namespace of the test's own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { containerMounts } from '../../src/agent/volumes/container-mounts.ts';
import { inNamespace } from './network-sandbox.ts';

inNamespace(import.meta.url, () => {
  let dir = '';
  let volume = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'agent-sub-path-'));
    volume = join(dir, 'volume');
    mkdirSync(volume);
  });
  afterEach(() => {
    execFileSync('sh', ['-c', `awk '$5 ~ "^${dir}/" { print $5 }' /proc/self/mountinfo | xargs -r umount -l`]);
    rmSync(dir, { recursive: true });
  });

  const mount = async (subPath: string): Promise<string> => {
    const [found] = await containerMounts(
      { metadata: { name: 'p' }, spec: { containers: [] } },
      { name: 'c', volumeMounts: [{ name: 'v', mountPath: '/m', subPath }] },
      { paths: new Map([['v', volume]]), subPathsDir: join(dir, 'subpaths'), expand: (text) => text },
    );
    return String(found?.hostPath);
  };

  test('a folder that is missing is made, with the mode of the volume', async () => {
    chmodSync(volume, 0o2775);
    const at = await mount('new/folder');
    writeFileSync(join(at, 'file'), 'x');
    assert.equal(readFileSync(join(volume, 'new/folder/file'), 'utf8'), 'x');
    assert.equal(statSync(join(volume, 'new')).mode & 0o7777, 0o2775);
  });

  test('a file is shown as it is now, also through links in the volume, and anew for the next container', async () => {
    for (const [folder, text] of [
      ['..1', 'one'],
      ['..2', 'two'],
    ] as const) {
      mkdirSync(join(volume, folder));
      writeFileSync(join(volume, folder, 'key'), text);
    }
    symlinkSync('..1', join(volume, '..data'));
    symlinkSync('..data/key', join(volume, 'key'));
    assert.equal(readFileSync(await mount('key'), 'utf8'), 'one');
    rmSync(join(volume, '..data'));
    symlinkSync('..2', join(volume, '..data'));
    assert.equal(readFileSync(await mount('key'), 'utf8'), 'two');
    // What was a file is a folder now.
    rmSync(join(volume, 'key'));
    mkdirSync(join(volume, 'key'));
    assert.ok(statSync(await mount('key')).isDirectory());
  });

  test('no way leads out of the volume, and nothing is made outside of it', async () => {
    const outside = join(dir, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, join(volume, 'out'));
    symlinkSync(join(outside, 'nothing'), join(volume, 'dangling'));
    await assert.rejects(mount('out'), /leads out of its volume/);
    await assert.rejects(mount('out/new'), /leads out of its volume/);
    await assert.rejects(mount('dangling'), /is a link/);
    await assert.rejects(mount('../outside'), /must be relative/);
    assert.ok(!existsSync(join(outside, 'new')));
  });

  test('a link that is put in the place of what was bound changes nothing', async () => {
    mkdirSync(join(volume, 'data'));
    writeFileSync(join(volume, 'data', 'own'), 'mine');
    const at = await mount('data');
    renameSync(join(volume, 'data'), join(volume, 'moved'));
    symlinkSync('/etc', join(volume, 'data'));
    assert.equal(readFileSync(join(at, 'own'), 'utf8'), 'mine');
  });
});
