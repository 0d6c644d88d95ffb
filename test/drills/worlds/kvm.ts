import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findGuestImage, guestSettings } from '../../kvm/guest-image.ts';
import { noLibvirt, startLibvirt } from '../../support/libvirt.ts';
import type { DrillDriver } from '../drill-world.ts';

/** Emulated machines boot for minutes: kills fall within LONGEST seconds (240), most of them early, where most is made. */
export const kvm: DrillDriver = {
  missing: () => {
    const guest = findGuestImage();
    return typeof guest === 'string' ? guest : noLibvirt();
  },
  open: async (suite) => {
    const guest = findGuestImage();
    if (typeof guest === 'string') throw new Error(guest);
    const pools = join(suite.root, 'pools');
    mkdirSync(pools);
    const file = join(suite.root, 'cluster.yaml');
    const settings = { ...guestSettings(guest), poolFolder: join(pools, 'slipway') };
    const spec = { driver: 'kvm', drivers: { kvm: settings }, pools: [{ name: 'main', count: 1, cpus: 1, memory: '1Gi', disk: '8Gi' }] };
    writeFileSync(file, JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Cluster', metadata: { name: 'drill' }, spec }));
    const libvirt = await startLibvirt(suite, { nice: 0 });
    // Rules that libvirt makes for its first network stay until the host restarts.
    const first = join(suite.root, 'first.xml');
    writeFileSync(first, "<network><name>first</name><forward mode='nat'/><ip address='192.0.2.1' netmask='255.255.255.0'/></network>");
    await suite.run(['sh', '-c', `virsh net-create ${first} && virsh net-destroy first`]);
    const look = `for what in list net-list pool-list; do virsh --quiet $what --all --name || echo "$what fails"; done; ls -A ${pools}; ps -e -o args= | grep -E '^([^ ]*/)?(qemu-|dnsmasq)' | cut -c 1-100; true`;
    return {
      upArgs: ['-f', file],
      leftOnHosts: async () => (await suite.run(['sh', '-c', look])).stdout.split('\n').filter(Boolean),
      longest: { upMs: 1000 * Number(process.env['LONGEST'] ?? 240), downMs: 4000 },
      skew: 3,
      close: libvirt.stop,
    };
  },
};
