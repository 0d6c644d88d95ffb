import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountsOn } from '../../../src/drivers/local/shared-root.ts';

test('mounts that lie on each other are counted, by their own path alone', () => {
  const mountinfo = [
    '22 1 254:0 / / rw - ext4 /dev/vda rw',
    '90 22 254:0 / /run/slipway-1/rootfs rw - ext4 /dev/vda rw',
    '91 90 254:0 / /run/slipway-1/rootfs rw - ext4 /dev/vda rw',
    '92 22 254:0 / /run/slipway-1/rootfs/var rw - ext4 /dev/vda rw',
    '93 22 254:0 / /run/my\\040runs/rootfs rw - ext4 /dev/vda rw',
  ].join('\n');
  assert.equal(mountsOn('/run/slipway-1/rootfs', mountinfo), 2);
  assert.equal(mountsOn('/run/my runs/rootfs', mountinfo), 1);
  assert.equal(mountsOn('/run/slipway-2/rootfs', mountinfo), 0);
});
