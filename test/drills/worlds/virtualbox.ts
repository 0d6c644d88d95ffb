import assert from 'node:assert/strict';
import { existsSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findVBoxManage, prepareVBoxManage } from '../../support/vboxmanage.ts';
import type { DrillDriver } from '../drill-world.ts';

/**
 * The real VBoxManage. Where its kernel driver is missing, the script before it warns of that, and Slipway tells it before it makes anything; here
 * the tool is run without that script, and `up` gets as far as the start of the machines, and takes all back.
 */
export const virtualbox: DrillDriver = {
  missing: () => {
    const found = prepareVBoxManage();
    return 'missing' in found && found.missing;
  },
  open: async (suite) => {
    const found = findVBoxManage(suite.root);
    if ('missing' in found) throw new Error(found.missing);
    const programs = join(suite.root, 'bin');
    mkdirSync(programs);
    const command = [...found.command.slice(0, -1), '/usr/lib/virtualbox/VBoxManage'].join(' ');
    writeFileSync(join(programs, 'VBoxManage'), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    // Slipway looks where programs of a host are, not in PATH; the suite's mounts are its own.
    const overlay = `mount -t overlay overlay -o lowerdir=${programs}:/usr/local/bin /usr/local/bin`;
    if (found.command.length > 1) assert.equal((await suite.run(['sh', '-c', overlay])).code, 0);
    const image = join(suite.root, 'image.raw');
    writeFileSync(image, 'boot');
    truncateSync(image, 16 * 1024 * 1024);
    const file = join(suite.root, 'cluster.yaml');
    const spec = { driver: 'virtualbox', drivers: { virtualbox: { image } }, pools: [{ name: 'main', count: 2, disk: '1Gi' }] };
    writeFileSync(file, JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Cluster', metadata: { name: 'drill' }, spec }));
    const lists = ['vms', 'hdds', 'dvds', 'natnets'].map((what) => `list ${what}`);
    const look = `for what in ${lists.map((each) => `'${each}'`).join(' ')}; do VBoxManage -q $what; done; ls -A ${suite.home}/virtualbox 2> /dev/null; true`;
    return {
      upArgs: ['-f', file],
      leftOnHosts: async () => (await suite.run(['sh', '-c', look])).stdout.split('\n').filter(Boolean),
      ...(existsSync('/dev/vboxdrv') ? {} : { upFails: 'run `VBoxManage startvm' }),
      close: async () => found.close(),
    };
  },
};
