/** The kvm driver against a real libvirtd. Its machines have an empty disk: that guests answer is the matter of `npm run test:kvm`. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Driver, Journal, MachineSpec } from '../../src/drivers/driver.ts';
import { createKvmDriver } from '../../src/drivers/kvm/kvm-driver.ts';
import { KvmStorage, volumePrefix } from '../../src/drivers/kvm/kvm-storage.ts';
import { Virsh } from '../../src/drivers/kvm/virsh.ts';
import { openDrivers } from '../../src/provision/cluster-drivers.ts';
import { clusterSpec } from '../../src/provision/spec/cluster-spec.ts';
import { openJournal } from '../../src/provision/state/cluster-journal.ts';
import { ClusterStateFolder } from '../../src/provision/state/cluster-state.ts';
import { noLibvirt, startLibvirt } from '../support/libvirt.ts';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
const context = { signal: new AbortController().signal, progress: () => {} };
const skip = noLibvirt();
process.env['XDG_CACHE_HOME'] = join(suite.root, 'cache');

const image = join(suite.root, 'empty.raw');
const settings = { image, accel: 'tcg', bootTimeoutSeconds: 1, diskCache: 'unsafe', poolFolder: join(suite.root, 'pool') };
const open = (state = 'state', more: object = {}): Driver =>
  createKvmDriver({
    dataDir: suite.data,
    stateDir: join(suite.root, state),
    requirements: [],
    journal: openJournal(join(suite.root, state)),
    settings: { ...settings, ...more },
  });
const spec = (name: string, more: object = {}): MachineSpec => ({
  cluster: 'k',
  name,
  cpus: 1,
  memoryMiB: 128,
  diskGiB: 1,
  settings: { ...settings, ...more },
});
/** As commands know the cluster. */
const saved = { ...clusterSpec({ name: 'k', driver: 'kvm', nodes: 2 }), driverSettings: { kvm: settings } };
const virsh = async (...args: string[]): Promise<string> => (await suite.run(['virsh', '--quiet', ...args])).stdout;

/** Runs `work` with a script for virsh, before the real one in the path. */
const withVirsh = async (script: string, work: () => Promise<void>): Promise<void> => {
  await suite.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/usr/local/sbin']);
  try {
    writeFileSync('/usr/local/sbin/virsh', `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    await work();
  } finally {
    await suite.run(['umount', '/usr/local/sbin']);
  }
};

/** The disk of a computer, with nothing on it but the mark of a boot sector. */
const emptyDisk = (bytes: number, fill: number | string = 0): Buffer => {
  const disk = Buffer.alloc(bytes, fill);
  disk.writeUInt16BE(0x55aa, 510);
  return disk;
};

/** An empty disk never lets us in: the machine is made and runs when the driver gives up waiting. */
const makeEmpty = (driver: Driver, machine: MachineSpec) => assert.rejects(driver.create(machine, context), { code: 'TIMEOUT' });

describe('kvm driver', { skip }, () => {
  const driver = open();
  let libvirt: { stop: () => Promise<void> } | undefined;

  before(async () => {
    writeFileSync(image, emptyDisk(1_048_576));
    mkdirSync(join(suite.root, 'pool'));
    libvirt = await startLibvirt(suite);
  });
  after(() => libvirt?.stop());

  test('emulation is a warning where there is no KVM, and no error', async () => {
    const findings = await createKvmDriver({ dataDir: '', stateDir: '', requirements: [], journal: openJournal(suite.root) }).preflight();
    assert.deepEqual(
      findings.filter(({ severity }) => severity === 'error'),
      [],
    );
    assert.deepEqual(await driver.preflight(), []);
  });

  test('plans network, image and machines from what libvirt has', async () => {
    assert.deepEqual(await driver.plan([spec('k-1')]), [
      { kind: 'network', name: 'slipway-k', state: 'absent', detail: 'a free range, nat' },
      { kind: 'image', name: 'empty.raw', state: 'absent', detail: 'in the storage pool slipway' },
      { kind: 'machine', name: 'k-1', state: 'absent', detail: '1 CPUs, 128 MiB, 1 GiB of disk' },
    ]);
  });

  test('makes machines side by side, which libvirt starts again with the host', async () => {
    await Promise.all([makeEmpty(driver, spec('k-1')), makeEmpty(driver, spec('k-2'))]);
    const listed = await driver.list('k');
    assert.deepEqual(
      listed.map(({ name, state, sameNetwork, slow }) => ({ name, state, sameNetwork, slow })),
      ['k-1', 'k-2'].map((name) => ({ name, state: 'running', sameNetwork: true, slow: true })),
    );
    assert.equal(new Set(listed.map(({ address }) => address)).size, 2);
    assert.ok((await driver.plan([spec('k-1'), spec('k-2')])).every(({ state }) => state === 'present'));
    assert.deepEqual((await virsh('list', '--name', '--autostart')).trim().split('\n').sort(), ['k.k-1', 'k.k-2']);
    assert.deepEqual(await driver.list('other'), []);
    // As large as the pool's nodes are to have it, whatever the image is.
    const disk = await virsh('vol-dumpxml', 'slipway-k.k-1.qcow2', '--pool', 'slipway');
    assert.match(disk, /<capacity unit='bytes'>1073741824<\/capacity>/);
  });

  test('another installation finds the machines, and takes none of them for its own', async () => {
    const other = open('other-state');
    assert.deepEqual(await other.list('k'), await driver.list('k'));
    await assert.rejects(other.create(spec('k-1'), context), { code: 'CLUSTER_EXISTS' });
    await assert.rejects(other.create(spec('k-9'), context), { code: 'CLUSTER_EXISTS' });
  });

  test('where the key of the machines is lost, up and adopt say what is left to do', async () => {
    const folder = join(suite.home, 'clusters/k');
    const backup = new RegExp(`cp -a BACKUP/ssh ${folder}/ && slipway adopt k --driver kvm`);
    const file = join(suite.root, 'k.yaml');
    const wanted = { driver: 'kvm', drivers: { kvm: settings }, pools: [{ name: 'main', count: 2 }] };
    writeFileSync(file, JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Cluster', metadata: { name: 'k' }, spec: wanted }));
    for (const [args, code] of [
      [['up', '-f', file], 'CLUSTER_EXISTS'],
      [['adopt', 'k', '--driver', 'kvm'], 'SSH_AUTH_FAILED'],
    ] as const) {
      const result = await suite.slipway(args);
      assert.equal(result.code, 1);
      assert.match(result.stderr, new RegExp(`${code}[\\s\\S]*k-1, k-2`));
      assert.match(result.stderr, backup);
      assert.match(result.stderr, /slipway down k --force --driver kvm/);
      assert.ok(!existsSync(folder), 'nothing that looks like the key is made');
    }
  });

  test('pods are routed through their machine, now and when the network starts again', async () => {
    const [first] = await driver.list('k');
    await driver.route?.({ cluster: 'k', name: 'k-1' }, ['10.244.7.0/24']);
    assert.match((await suite.run(['ip', 'route'])).stdout, new RegExp(`10\\.244\\.7\\.0/24 via ${first?.address}`));
    assert.match(
      await virsh('net-dumpxml', 'slipway-k', '--inactive'),
      new RegExp(`address='10.244.7.0' prefix='24' gateway='${first?.address}'`),
    );
    await driver.route?.({ cluster: 'k', name: 'k-1' }, []);
    assert.doesNotMatch((await suite.run(['ip', 'route'])).stdout, /10\.244\.7/);
  });

  test('a machine that does not shut down in the time of its pool is cut off, and starts with what it had', async () => {
    // As commands open it, who know the name of a node and the cluster.
    const nodes = saved.nodes.map((node) => ({ ...node, settings: { stopTimeoutSeconds: 2 } }));
    const drivers = openDrivers({ ...saved, nodes }, { folder: new ClusterStateFolder('k', suite.home), dataDir: suite.data });
    const [before] = await driver.list('k');
    const startedAt = performance.now();
    await (await drivers.named('kvm')).stop({ cluster: 'k', name: 'k-1' }, { powerOff: false });
    assert.ok(performance.now() - startedAt < 45_000, 'not the 90 seconds of a machine without a setting');
    assert.equal((await driver.describe({ cluster: 'k', name: 'k-1' }))?.state, 'stopped');
    assert.equal((await driver.plan([spec('k-1')])).at(-1)?.state, 'stopped');
    await assert.rejects(driver.connect({ ...before!, state: 'stopped' }), { code: 'HOST_UNREACHABLE' });
    await assert.rejects(driver.start({ cluster: 'k', name: 'k-1' }, context), { code: 'TIMEOUT' });
    assert.deepEqual((await driver.list('k'))[0], before);
    await driver.stop({ cluster: 'k', name: 'k-1' }, { powerOff: true });
    await driver.stop({ cluster: 'k', name: 'k-1' }, { powerOff: true });
    await assert.rejects(driver.start({ cluster: 'k', name: 'k-3' }, context), { code: 'NODE_UNKNOWN' });
  });

  test('the disk of a machine that is off is kept, and put back to what it was', async () => {
    const id = { cluster: 'k', name: 'k-1' };
    const disk = join(suite.root, 'pool', 'slipway-k.k-1.qcow2');
    const onDisk = async (command: string) => (await suite.run(['qemu-io', '-c', command, disk])).stdout;
    await onDisk('write -P 1 2M 64k');
    const { disks } = driver;
    assert.ok(disks);
    assert.deepEqual(await disks.list(id), []);
    await disks.snapshot(id, 'clean');
    await assert.rejects(disks.snapshot(id, 'clean'), { code: 'NAME_TAKEN' });
    await onDisk('write -P 2 2M 64k');
    assert.match(await onDisk('read -P 1 2M 64k'), /Pattern verification failed/);
    await disks.restore(id, 'clean');
    assert.doesNotMatch(await onDisk('read -P 1 2M 64k'), /Pattern verification failed/);
    await assert.rejects(disks.restore(id, 'none'), { code: 'SNAPSHOT_UNKNOWN', message: /kept as clean/ });
    const running = { ...id, name: 'k-2' };
    for (const refused of [
      () => disks.snapshot(running, 'clean'),
      () => disks.restore(running, 'clean'),
      () => disks.remove(running, 'clean'),
    ])
      await assert.rejects(refused(), { code: 'USAGE', advice: ['slipway node stop k-2 --cluster k'] });
  });

  test('slipway node snapshot and restore do the same by name, and say how to go on', async () => {
    const folder = new ClusterStateFolder('k', suite.home);
    const createdAt = new Date().toISOString();
    await folder.write({ version: 2, spec: saved, phase: 'ready', createdAt, dataDir: suite.data, addresses: {} });
    const slipway = (...args: string[]) => suite.slipway([...args, '--cluster', 'k']);
    assert.equal(
      (await slipway('node', 'snapshot', 'k-1', '--name', 'a-second')).stdout,
      'The disk of k-1 is kept as a-second; slipway node restore k-1 --name a-second puts it back\n',
    );
    assert.match((await slipway('node', 'snapshot', 'k-1')).stdout, /^The disk of k-1 is kept as \d{8}-\d{6};/);
    const listed = (await slipway('node', 'snapshot', 'k-1', '--list')).stdout.split('\n');
    assert.deepEqual([listed[0], listed[1], listed.length], ['clean', 'a-second', 4]);
    assert.equal(
      (await slipway('node', 'restore', 'k-1', '--name', 'clean')).stdout,
      'The disk of k-1 is back to clean; slipway node start k-1 starts it\n',
    );
    assert.equal(
      (await slipway('node', 'snapshot', 'k-1', '--delete', 'a-second')).stdout,
      'The snapshot a-second of k-1 is deleted; its disk stays as it is\n',
    );
    assert.doesNotMatch((await slipway('node', 'snapshot', 'k-1', '--list')).stdout, /a-second/);
    const refused = async (code: number, words: RegExp, ...args: string[]): Promise<void> => {
      const result = await slipway('node', ...args);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, words);
    };
    await refused(1, /NAME_TAKEN/, 'snapshot', 'k-1', '--name', 'clean');
    await refused(1, /SNAPSHOT_UNKNOWN[\s\S]*snapshot k-1 --list/, 'restore', 'k-1', '--name', 'none');
    await refused(2, /the machine is on[\s\S]*slipway node stop k-2/, 'snapshot', 'k-2');
    await refused(1, /SNAPSHOT_UNKNOWN[\s\S]*delete the snapshot a-second/, 'snapshot', 'k-1', '--delete', 'a-second');
    await refused(2, /only one of/, 'snapshot', 'k-1', '--delete', 'clean', '--list');
    await refused(2, /NAME_INVALID/, 'snapshot', 'k-1', '--name', 'a b');
    await refused(2, /--name must say/, 'restore', 'k-1');
    await refused(1, /NODE_UNKNOWN/, 'snapshot', 'k-7');
    await folder.remove();
  });

  test('a cluster beside it has a network of its own; a range that is in use is refused', async () => {
    await makeEmpty(driver, { ...spec('q-1'), cluster: 'q' });
    const [k] = await driver.list('k');
    const [q] = await driver.list('q');
    const prefix = (address = ''): string => address.split('.').slice(0, 3).join('.');
    assert.notEqual(prefix(q?.address), prefix(k?.address));
    await assert.rejects(driver.create({ ...spec('r-1', { subnet: `${prefix(k?.address)}.0/24` }), cluster: 'r' }, context), {
      code: 'ADDRESS_IN_USE',
    });
    await driver.destroy({ cluster: 'r', name: 'r-1' });
    await driver.destroyShared('r');
    await driver.destroy({ cluster: 'q', name: 'q-1' });
    await driver.destroyShared('q');
    assert.equal((await driver.list('k')).length, 2);
  });

  test('an image that is not there, not what it should be, or of another format is refused by name', async () => {
    const refused = (settings: object, code: string) =>
      assert.rejects(driver.create({ ...spec('i-1', settings), cluster: 'i' }, context), { code });
    await refused({ image: join(suite.root, 'none.qcow2') }, 'MACHINE_IMAGE_MISSING');
    await refused({ image: undefined }, 'MACHINE_IMAGE_MISSING');
    await refused({ imageSha256: '0'.repeat(64) }, 'MACHINE_IMAGE_INVALID');
    await refused({ image: 'http://192.0.2.1/image.qcow2' }, 'MACHINE_IMAGE_INVALID');
    await refused({ kernel: join(suite.root, 'no-kernel') }, 'MACHINE_IMAGE_MISSING');
    await refused({ accel: 'magic' }, 'CONFIG_INVALID');
    const packed = join(suite.root, 'image.gz');
    writeFileSync(packed, Buffer.from([0x1f, 0x8b, 8, 0]));
    await refused({ image: packed }, 'MACHINE_IMAGE_INVALID');
    const text = join(suite.root, 'image.qcow2');
    writeFileSync(text, 'not found\n');
    await refused({ image: text }, 'MACHINE_IMAGE_INVALID');
    writeFileSync(text, Buffer.concat([Buffer.from('QFI\xfb', 'latin1'), Buffer.alloc(100_000, 0xa5)]));
    await refused({ image: text }, 'MACHINE_IMAGE_INVALID');
    await suite.run(['qemu-img', 'create', '-q', '-f', 'qcow2', text, '1G']);
    truncateSync(text, 65_536);
    await refused({ image: text }, 'MACHINE_IMAGE_INVALID');
    await driver.destroy({ cluster: 'i', name: 'i-1' });
    await driver.destroyShared('i');
  });

  test('a download goes on where it broke off, and is compared with its checksum', async () => {
    const content = emptyDisk(2_000_000, 'slipway');
    let served = 0;
    const ranges: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      ranges.push(request.headers.range);
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from ? 206 : 200, { etag: '"1"', 'content-length': content.length - from });
      if (served++) response.end(content.subarray(from));
      else response.write(content.subarray(0, 1_000_000), () => setTimeout(() => response.destroy(), 50));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/disk.raw`;
    const imageSha256 = createHash('sha256').update(content).digest('hex');
    await makeEmpty(driver, { ...spec('d-1', { image: url, imageSha256 }), cluster: 'd' });
    assert.equal(ranges.length, 2);
    assert.match(ranges[1] ?? '', /^bytes=[1-9]\d*-$/);
    const volume = (await virsh('vol-list', 'slipway')).split('\n').find((line) => /d\.image-\w+\s/.test(line));
    assert.ok(readFileSync(volume?.trim().split(/\s+/)[1] ?? '').equals(content));
    server.close();
    await driver.destroy({ cluster: 'd', name: 'd-1' });
    await driver.destroyShared('d');
  });

  test('a full disk is said by name, and nothing is left of the machine', async () => {
    const small = join(suite.root, 'small');
    mkdirSync(small);
    await suite.run(['mount', '-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', small]);
    writeFileSync(join(suite.root, 'full.raw'), emptyDisk(1_000_000, 1));
    const tight = open('tight-state', { pool: 'tight', poolFolder: small });
    const full = { ...spec('t-1', { pool: 'tight', poolFolder: small, image: join(suite.root, 'full.raw') }), cluster: 't' };
    await assert.rejects(tight.create(full, context), { code: 'DISK_FULL' });
    await tight.destroy(full);
    await tight.destroyShared('t');
    assert.equal((await virsh('vol-list', 'tight')).trim(), '');
    await suite.run(['virsh', 'pool-destroy', 'tight']);
    await suite.run(['virsh', 'pool-undefine', 'tight']);
  });

  test('a machine of that name that somebody else made is refused, and stays as it is', async () => {
    const xml = join(suite.root, 'foreign.xml');
    writeFileSync(xml, "<domain type='qemu'><name>f.f-1</name><memory>65536</memory><os><type arch='x86_64'>hvm</type></os></domain>");
    await virsh('define', xml);
    await assert.rejects(driver.create({ ...spec('f-1'), cluster: 'f' }, context), { code: 'NAME_TAKEN', message: /f\.f-1/ });
    assert.equal(await driver.describe({ cluster: 'f', name: 'f-1' }), undefined);
    await driver.destroy({ cluster: 'f', name: 'f-1' });
    await driver.destroyShared('f');
    assert.equal((await virsh('domstate', 'f.f-1')).trim(), 'shut off');
    assert.equal((await virsh('net-list', '--all', '--name')).trim(), 'slipway-k');
    await virsh('undefine', 'f.f-1');
  });

  test("volumes of others in a pool that is shared are not taken for a cluster's own, and a pool that was stopped is started", async () => {
    const folder = join(suite.root, 'default');
    mkdirSync(folder);
    await virsh('pool-define-as', 'default', 'dir', '--target', folder);
    await virsh('pool-start', 'default');
    for (const name of ['u.qcow2', 'u.u-1.qcow2']) await virsh('vol-create-as', 'default', name, '1M', '--format', 'qcow2');
    await virsh('pool-destroy', 'default');
    const shared = open('shared-state', { pool: 'default', poolFolder: folder });
    const machine = { ...spec('u-1', { pool: 'default', poolFolder: folder }), cluster: 'u' };
    await makeEmpty(shared, machine);
    await virsh('destroy', 'u.u-1');
    await virsh('pool-destroy', 'default');
    await shared.destroy(machine);
    await shared.destroyShared('u');
    assert.deepEqual(readdirSync(folder).sort(), ['u.qcow2', 'u.u-1.qcow2']);
    await virsh('pool-destroy', 'default');
    await virsh('pool-undefine', 'default');
  });

  test('clusters that come and go at the same time share one pool, and none takes it from another', async () => {
    const folder = join(suite.root, 'shared');
    const comeAndGo = async (cluster: string): Promise<void> => {
      const storage = new KvmStorage(new Virsh({ uri: 'qemu:///system', scratchIn: join(suite.root, 'state') }), 'shared');
      for (let round = 0; round < 8; round++) {
        await storage.pool.ensure(folder);
        const { path } = await storage.uploadBytes(`${volumePrefix(cluster)}disk`, Buffer.from(cluster));
        assert.equal(readFileSync(path, 'utf8'), cluster);
        await storage.removeAll(volumePrefix(cluster));
        await storage.pool.removeIfEmpty();
      }
    };
    await Promise.all(['s-1', 's-2', 's-3'].map(comeAndGo));
    assert.doesNotMatch(await virsh('pool-list', '--all', '--name'), /shared/);
    assert.ok(!existsSync(folder));
  });

  test('what a crash has left of a pool is gone with the next cluster', async () => {
    const folder = join(suite.root, 'half');
    const storage = new KvmStorage(new Virsh({ uri: 'qemu:///system', scratchIn: join(suite.root, 'state') }), 'half');
    // As if it had ended after the folder was removed.
    await virsh('pool-define-as', 'half', 'dir', '--target', folder);
    await storage.pool.ensure(folder);
    await storage.uploadBytes('x', Buffer.from('x'));
    await storage.pool.removeIfEmpty();
    assert.deepEqual(await storage.names(''), ['x']);
    await storage.remove('x');
    await storage.pool.removeIfEmpty();
    await virsh('pool-define-as', 'half', 'dir', '--target', folder);
    await storage.pool.removeIfEmpty();
    assert.doesNotMatch(await virsh('pool-list', '--all', '--name'), /half/);
  });

  test('nothing is made that does not stand in the journal, and all of it is forgotten at the end', async () => {
    const log = join(suite.root, 'order.log');
    const kept = openJournal(join(suite.root, 'order-state'));
    const journal: Journal = {
      ...kept,
      record: async (entry) => {
        await kept.record(entry);
        appendFileSync(log, `journal ${entry.kind} ${entry.name}\n`);
      },
    };
    const options = { dataDir: suite.data, stateDir: join(suite.root, 'order-state'), requirements: [] };
    const more = { pool: 'order', poolFolder: join(suite.root, 'order-pool') };
    const own = createKvmDriver({ ...options, journal, settings: { ...settings, ...more } });
    await withVirsh(
      `case "$4" in
      net-define) echo made network j ;;
      pool-define-as) echo "made pool $5" ;;
      vol-create-as) echo "made volume $6" ;;
      vol-create) echo "made volume $(sed -n 's/.*<name>\\(.*\\)<.name>.*/\\1/p' "$6")" ;;
      define) echo made machine j-1 ;;
      esac >> ${log}
      exec /usr/bin/virsh "$@"`,
      () => makeEmpty(own, { ...spec('j-1', more), cluster: 'j' }),
    );
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    const made = lines.filter((line) => line.startsWith('made '));
    for (const line of made)
      assert.ok(lines.indexOf(line.replace('made', 'journal')) < lines.indexOf(line), `${line}\n${lines.join('\n')}`);
    const kinds = made.map((line) => line.split(' ')[1]);
    assert.deepEqual([...new Set(kinds)].sort(), ['machine', 'network', 'pool', 'volume']);
    // Image with its mark; disk, seed and console.
    assert.equal(kinds.filter((kind) => kind === 'volume').length, 5, made.join('\n'));
    // Another program, with the journal and without the cluster's file, knows nothing of its pool.
    const later = createKvmDriver({ ...options, journal: kept });
    await later.destroy({ cluster: 'j', name: 'j-1' });
    await later.destroyShared('j');
    assert.equal((await virsh('vol-list', 'order')).trim(), '');
    assert.deepEqual(await kept.entries(), []);
    await virsh('pool-destroy', 'order');
    await virsh('pool-undefine', 'order');
  });

  test('what a crash has left is made anew; the journal names what was begun', async () => {
    const journal = openJournal(join(suite.root, 'state'));
    const names = (await journal.entries()).map(({ kind, name }) => `${kind} ${name}`);
    assert.ok(names.includes('machine k-1') && names.includes('network k'));
    // As if it had ended before the machine was defined.
    await suite.run(['virsh', 'destroy', 'k.k-2']);
    await suite.run(['virsh', 'undefine', 'k.k-2']);
    await makeEmpty(driver, spec('k-2'));
    assert.equal((await driver.describe({ cluster: 'k', name: 'k-2' }))?.state, 'running');
  });

  test('removes machines twice, and leaves nothing in libvirt', async () => {
    for (const _ of [1, 2]) for (const name of ['k-1', 'k-2']) await driver.destroy({ cluster: 'k', name });
    await driver.destroyShared('k');
    await driver.destroyShared('k');
    for (const what of ['list', 'net-list', 'pool-list']) assert.equal((await virsh(what, '--all', '--name')).trim(), '', what);
    assert.deepEqual(await openJournal(join(suite.root, 'state')).entries(), []);
    // libvirt itself keeps its empty tables until the host restarts.
    const leftovers = (await suite.leftovers()).filter((line) => !/^table: table ip6? (filter|nat|mangle)$/.test(line));
    assert.deepEqual(leftovers, []);
  });

  test('who may not talk to libvirt is told of its group', async () => {
    await withVirsh('exec setpriv --reuid 65534 --regid 65534 --clear-groups /usr/bin/virsh "$@"', async () => {
      const [finding] = await driver.preflight();
      assert.deepEqual([finding?.severity, finding?.code], ['error', 'HYPERVISOR_UNREACHABLE']);
      assert.match(finding?.problem ?? '', /Permission denied/);
      assert.match(finding?.fix ?? '', /--groups libvirt/);
      await assert.rejects(driver.list('k'), { code: 'HYPERVISOR_UNREACHABLE', message: /Permission denied/ });
    });
  });

  test('without libvirt the error says how it is started', async () => {
    const elsewhere = open('state', { uri: `qemu+unix:///system?socket=${join(suite.root, 'none')}` });
    const [finding] = await elsewhere.preflight();
    assert.equal(finding?.code, 'HYPERVISOR_UNREACHABLE');
    assert.match(finding?.fix ?? '', /libvirtd/);
    await assert.rejects(elsewhere.list('k'), { code: 'HYPERVISOR_UNREACHABLE' });
  });
});
