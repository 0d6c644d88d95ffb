import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followAddress, type Link, type OwnAddress } from '../../../src/base/net/own-address.ts';

const link = (name: string, ...addresses: string[]): Link => ({ name, addresses });
const pod = link('veth1234', '10.244.0.1');
const known = (address: string, name = 'eth0'): OwnAddress => ({ configured: '10.0.0.5', address, link: name });

const CASES: [what: string, before: OwnAddress | undefined, links: Link[], wanted: OwnAddress][] = [
  [
    'at the first start the device of the address is remembered',
    undefined,
    [link('lo', '127.0.0.1'), link('eth0', '10.0.0.5')],
    known('10.0.0.5'),
  ],
  [
    'an address that is there stays, whatever else the device has',
    known('10.0.0.5'),
    [link('eth0', '10.0.0.1', '10.0.0.5')],
    known('10.0.0.5'),
  ],
  ['another address of the same device is followed', known('10.0.0.5'), [link('eth0', '192.168.7.9'), pod], known('192.168.7.9')],
  ['and again', known('192.168.7.9'), [link('eth0', '192.168.7.10')], known('192.168.7.10')],
  ['a device without an address changes nothing: a cable is pulled', known('10.0.0.5'), [link('eth0'), pod], known('10.0.0.5')],
  ['an address that a machine gives itself is none', known('10.0.0.5'), [link('eth0', '169.254.3.4')], known('10.0.0.5')],
  [
    'a device with another name is followed where it is the only one',
    known('10.0.0.5'),
    [link('ens3', '10.1.0.5'), pod],
    known('10.1.0.5', 'ens3'),
  ],
  ['but not where it is one of two', known('10.0.0.5'), [link('ens3', '10.1.0.5'), link('ens4', '10.2.0.5')], known('10.0.0.5')],
  ['an address of the other family is none', known('10.0.0.5'), [link('eth0', 'fd00::5')], known('10.0.0.5')],
  [
    'an address that no device ever had is not followed: it is translated elsewhere',
    undefined,
    [link('eth0', '172.16.0.2')],
    known('10.0.0.5', ''),
  ],
  [
    'another installed address begins anew',
    { configured: '10.0.0.4', address: '10.9.9.9', link: 'eth0' },
    [link('eth0', '10.0.0.5', '10.9.9.9')],
    known('10.0.0.5'),
  ],
];

for (const [what, before, links, wanted] of CASES) test(what, () => assert.deepEqual(followAddress(before, '10.0.0.5', links), wanted));
