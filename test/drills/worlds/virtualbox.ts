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
    // Its service may be ending in this moment: what cannot be listed is no proof that nothing is left.
    const list = 'list() { for try in 1 2 3 4 5 6 7 8; do VBoxManage -q list $1 && return; sleep 1; done; echo "$1 cannot be listed"; }';
    const look = `${list}; for what in vms hdds dvds natnets; do list $what 2> /dev/null; done; ls -A ${suite.home}/virtualbox 2> /dev/null; true`;
    return {
      upArgs: ['-f', file],
      leftOnHosts: async () => (await suite.run(['sh', '-c', look])).stdout.split('\n').filter(Boolean),
      ...(existsSync('/dev/vboxdrv') ? {} : { upFails: 'run `VBoxManage startvm' }),
      close: async () => found.close(),
    };
  },
};
