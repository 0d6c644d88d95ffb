import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SlipwayError } from '../../../../src/base/errors/slipway-error.ts';
import { demoImage, PAUSE_IMAGE, pauseImage } from '../../../../src/provision/images/builtin-images.ts';
import { fullReference, openImageArchive, writeOciArchive } from '../../../../src/provision/images/image-archive.ts';
import { pauseProgram } from '../../../../src/provision/images/pause-program.ts';

const folder = async (t: { after: (work: () => unknown) => void }): Promise<string> => {
  const path = await mkdtemp(join(tmpdir(), 'slipway-images-test-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
};

const canRun = process.platform === 'linux' && process.arch === 'x64';
const canUnshare = canRun && process.getuid?.() === 0 && spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0;

test('the pause program exits with 0 on SIGTERM and on SIGINT', { skip: !canRun && 'needs Linux on x64' }, async (t) => {
  const path = join(await folder(t), 'pause');
  await writeFile(path, pauseProgram('amd64'), { mode: 0o755 });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const child = spawn(path);
    const exited = new Promise<[number | null, string | null]>((resolve) => child.on('exit', (code, by) => resolve([code, by])));
    t.after(() => child.kill('SIGKILL'));
    // A signal sent before the program waits in rt_sigtimedwait (128) would kill it.
    const deadline = Date.now() + 10_000;
    while (!readFileSync(`/proc/${child.pid}/syscall`, 'utf8').startsWith('128 '))
      assert.ok(Date.now() < deadline, 'it never waits for signals');
    child.kill(signal);
    assert.deepEqual(await exited, [0, null]);
  }
});

test('the pause program reaps orphans as the first process of a PID namespace', {
  skip: !canUnshare && 'needs root and unshare',
}, async (t) => {
  const path = join(await folder(t), 'pause');
  await writeFile(path, pauseProgram('amd64'), { mode: 0o755 });
  // The shell leaves a child behind and becomes the pause program: the child dies, and must not stay a zombie.
  const script = `sleep 0.1 & exec ${path}`;
  const result = spawnSync(
    'sh',
    [
      '-c',
      `unshare --pid --fork --mount-proc --kill-child sh -c '${script}' & pid=$!
       for i in $(seq 100); do sleep 0.1; init=$(cat /proc/$pid/task/$pid/children); [ -n "$init" ] || continue
         read -r children < /proc/\${init% }/task/\${init% }/children || true
         if [ "$i" -gt 5 ] && [ -z "$children" ]; then echo reaped; kill -TERM $init; wait $pid; echo "exit $?"; exit; fi; done`,
    ],
    { encoding: 'utf8', timeout: 60_000 },
  );
  assert.match(result.stdout, /reaped\nexit 0/, result.stderr);
});

test('the pause program for arm64 is an ELF file of that machine', () => {
  const program = pauseProgram('arm64');
  assert.equal(program.readUInt16LE(18), 183);
  assert.equal(program.readUInt32BE(0), 0x7f454c46);
  // movz x8, #135 (rt_sigprocmask) is the first instruction, as an arm64 assembler writes it.
  assert.equal(program.readUInt32LE(120), 0xd28010e8);
});

test('images are the same bytes every time, and are read back', async (t) => {
  const [one, other] = [await pauseImage('amd64'), await pauseImage('amd64')];
  assert.ok(one.equals(other));
  const path = join(await folder(t), 'pause.tar');
  await writeFile(path, one);
  const archive = await openImageArchive(path);
  t.after(() => archive.dispose());
  assert.equal(archive.images.length, 1);
  assert.deepEqual(archive.images[0]?.references, [PAUSE_IMAGE]);
  assert.equal(archive.images[0]?.layers.length, 1);
});

test('an archive written as an OCI layout has the same image, and leaves out layers that are known', async (t) => {
  const path = await folder(t);
  await writeFile(join(path, 'docker.tar'), await pauseImage('amd64'));
  const archive = await openImageArchive(join(path, 'docker.tar'));
  t.after(() => archive.dispose());
  const [image] = archive.images;
  assert.ok(image);
  await writeOciArchive(image, join(path, 'oci.tar'), { without: new Set() });
  const again = await openImageArchive(join(path, 'oci.tar'));
  t.after(() => again.dispose());
  assert.equal(again.images[0]?.id, image.id);
  assert.deepEqual(again.images[0]?.references, [PAUSE_IMAGE]);
  await writeOciArchive(image, join(path, 'partial.tar'), { without: new Set(image.layers.map((layer) => layer.digest)) });
  // Alone it is incomplete, and that is said.
  await assert.rejects(openImageArchive(join(path, 'partial.tar')), isInvalid);
});

test('what is absent, cut short or no image is refused by name', async (t) => {
  const path = await folder(t);
  const whole = join(path, 'whole.tar');
  await writeFile(whole, await pauseImage('amd64'));
  await truncate(whole, 700);
  await writeFile(join(path, 'text.tar'), 'this is no archive at all, and long enough to look at\n'.repeat(40));
  await writeFile(join(path, 'empty.tar'), '');
  for (const file of [whole, join(path, 'text.tar'), join(path, 'empty.tar'), join(path, 'absent.tar'), path])
    await assert.rejects(openImageArchive(file), isInvalid, file);
});

test('the demo image needs a static busybox and says how to get it', async () => {
  await assert.rejects(
    demoImage('1', { busyboxPath: '/absent' }),
    (error) => error instanceof SlipwayError && error.advice[0] === 'apt-get install busybox-static',
  );
  if (existsSync('/bin/ls')) await assert.rejects(demoImage('1', { busyboxPath: '/bin/ls' }), /not statically linked/);
});

test('names of images are completed as containerd does', () => {
  assert.equal(fullReference('web'), 'docker.io/library/web:latest');
  assert.equal(fullReference('me/web:2'), 'docker.io/me/web:2');
  assert.equal(fullReference('localhost/web'), 'localhost/web:latest');
  assert.equal(fullReference('registry.slipway.local/demo:1'), 'registry.slipway.local/demo:1');
});

const isInvalid = (error: unknown): boolean => error instanceof SlipwayError && error.code === 'IMAGE_INVALID';
