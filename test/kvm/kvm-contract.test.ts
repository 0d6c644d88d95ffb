/** What every driver promises, of the kvm driver on guests that really boot (some minutes each by emulation). */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createKvmDriver } from '../../src/drivers/kvm/kvm-driver.ts';
import { openJournal } from '../../src/provision/state/cluster-journal.ts';
import { driverContract } from '../contract/driver-contract.ts';
import { noLibvirt, startLibvirt } from '../support/libvirt.ts';
import { enterSuite } from '../support/suite.ts';
import { findGuestImage, guestSettings } from './guest-image.ts';

const guest = findGuestImage();
const suite = await enterSuite(import.meta.filename);

void driverContract(
  'kvm',
  async () => {
    if (typeof guest === 'string') throw new Error(guest);
    const settings = { ...guestSettings(guest), poolFolder: join(suite.root, 'pool') };
    mkdirSync(settings.poolFolder);
    const libvirt = await startLibvirt(suite, { nice: 0 });
    return {
      driver: createKvmDriver({
        dataDir: suite.data,
        stateDir: join(suite.root, 'state'),
        requirements: [],
        journal: openJournal(join(suite.root, 'state')),
        settings,
      }),
      specs: ['c-1', 'c-2'].map((name) => ({ cluster: 'c', name, cpus: 1, memoryMiB: 768, diskGiB: 4, settings })),
      close: libvirt.stop,
    };
  },
  typeof guest === 'string' ? guest : noLibvirt(),
);
