import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownCapabilities, ownOpenFilesLimit, realMountsBelowRoot, sandboxConfig } from '../../../src/drivers/local/sandbox-config.ts';

test('capabilities are those that this process has', () => {
  assert.deepEqual(ownCapabilities('CapEff:\t0000000000000401\n'), ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE']);
  assert.equal(ownCapabilities('CapEff:\t000001ffffffffff\n').length, 41);
  assert.ok(!ownCapabilities('CapEff:\t000001fffeffffff\n').includes('CAP_SYS_RESOURCE'));
});

test('the limit of open files is the hard one', () => {
  assert.equal(ownOpenFilesLimit('Max open files            1024                 524288               files\n'), 524288);
  assert.equal(ownOpenFilesLimit('Max open files            1024                 unlimited            files\n'), 1_048_576);
});

test('partitions of users and programs come along, mounts of containers and removable media do not', () => {
  const mountinfo = [
    '27 1 254:0 / / rw - ext4 /dev/vda rw',
    '28 27 254:1 / /home rw - ext4 /dev/vdb rw',
    '29 27 254:2 / /var rw - xfs /dev/vdc rw',
    '30 27 0:30 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw',
    '31 27 0:31 / /proc rw - proc proc rw',
    '32 27 0:32 / /media/my\\040disk rw - ext4 /dev/sdb1 rw',
    '33 27 0:33 / /opt rw - tmpfs tmpfs rw',
  ].join('\n');
  assert.deepEqual(realMountsBelowRoot(mountinfo), ['/home', '/var']);
});

test('limits appear only when they are asked for, and devices are always allowed', () => {
  const base = {
    hostname: 'n',
    rootfs: '/r',
    init: 'true',
    cgroupsPath: '/slipway/c/n',
    privateFolders: { '/var/lib/slipway': '/data/x' },
    privateFiles: {},
    hostMounts: [],
    capabilities: [],
    maxOpenFiles: 1024,
  };
  const resources = (config: object): object => (config as { linux: { resources: object } }).linux.resources;
  const devices = [{ allow: true, access: 'rwm' }];
  assert.deepEqual(resources(sandboxConfig(base)), { devices });
  assert.deepEqual(resources(sandboxConfig({ ...base, cpus: 1.5, memoryBytes: 1024 })), {
    devices,
    memory: { limit: 1024 },
    cpu: { period: 100_000, quota: 150_000 },
  });
});
