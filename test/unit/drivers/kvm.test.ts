import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { domainName, domainUuid, parseMark } from '../../../src/drivers/kvm/kvm-domain.ts';
import { macOf, parseNetwork } from '../../../src/drivers/kvm/kvm-network.ts';
import { rangesThrough, withRoutes } from '../../../src/drivers/kvm/kvm-routes.ts';
import { kvmSettings } from '../../../src/drivers/kvm/kvm-settings.ts';
import { isBusy, isPoolGone, unlessActive, virshError } from '../../../src/drivers/kvm/virsh-errors.ts';
import { xmlAttributes, xmlText } from '../../../src/drivers/kvm/xml-attributes.ts';

/** As virsh of libvirt 9.0 wrote them. */
const FAULTS: readonly [stderr: string, code: string, absent: boolean][] = [
  [
    "error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory",
    'HYPERVISOR_UNREACHABLE',
    false,
  ],
  [
    "error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied",
    'HYPERVISOR_UNREACHABLE',
    false,
  ],
  ['virsh: not found', 'PACKAGES_MISSING', false],
  ["error: failed to get domain 'nosuch'", 'NODE_UNKNOWN', true],
  ["error: failed to get network 'nonet'\nerror: Network not found: no network with matching name 'nonet'", 'NODE_UNKNOWN', true],
  ["error: Failed to start domain 'n1'\nerror: Network not found: no network with matching name 'nonet'", 'NETWORK_UNKNOWN', true],
  ["error: Failed to start domain 'n1'\nerror: Requested operation is not valid: network 'kn-iso' is not active", 'NETWORK_UNKNOWN', true],
  ['error: Failed to start network kn\nerror: internal error: Network is already in use by interface vkn0', 'ADDRESS_IN_USE', false],
  ["error: Failed to define network from n.xml\nerror: internal error: bridge name 'vkn0' already in use.", 'NAME_TAKEN', false],
  ["error: Failed to define domain\nerror: operation failed: domain 'n1' already exists with uuid 1234", 'NAME_TAKEN', false],
  [
    "error: Failed to start domain 'n1'\nerror: Cannot access backing file '/b.raw' of storage file '/n1.qcow2' (as uid:0, gid:0): No such file or directory",
    'MACHINE_IMAGE_MISSING',
    false,
  ],
  [
    "error: Failed to start domain 'n1'\nerror: internal error: process exited while connecting to monitor: qemu: could not open kernel file '/k': No such file or directory",
    'MACHINE_IMAGE_MISSING',
    false,
  ],
  [
    "error: Failed to start domain 'n1'\nerror: internal error: process exited while connecting to monitor: cannot set up guest memory 'pc.ram': Cannot allocate memory",
    'MEMORY_SHORT',
    false,
  ],
  ['error: cannot send data to volume x\nerror: cannot write data: No space left on device', 'DISK_FULL', false],
  [
    "error: Failed to define domain\nerror: unsupported configuration: Emulator '/usr/bin/qemu-system-x86_64' does not support virt type 'kvm'",
    'PREFLIGHT_FAILED',
    false,
  ],
  [
    "error: failed to get pool 'slipway'\nerror: Storage pool not found: no storage pool with matching name 'slipway'",
    'COMMAND_FAILED',
    true,
  ],
  ["error: Failed to list volumes\nerror: Requested operation is not valid: storage pool 'slipway' is not active", 'COMMAND_FAILED', false],
  ['error: something new', 'COMMAND_FAILED', false],
];

describe('faults of virsh are told apart by name', () => {
  for (const [stderr, code, absent] of FAULTS)
    test(`${code}: ${stderr.split('\n').at(-1)}`, () => {
      const error = virshError({ exitCode: 1, stdout: '', stderr }, { uri: 'qemu:///system', tried: 'do it' });
      assert.equal(error.code, code);
      assert.equal(error.absent, absent);
      assert.match(error.message, /^cannot do it: libvirt \(qemu:\/\/\/system\) says: /);
    });

  test('who may not talk to libvirt is told of the group', () => {
    const stderr = "error: Failed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied";
    assert.match(virshError({ exitCode: 1, stdout: '', stderr }, { uri: 'u', tried: 't' }).advice.join(), /--groups libvirt/);
  });

  test('a pool that went away, and what runs already, are told from what is broken', () => {
    const says = (stderr: string) => virshError({ exitCode: 1, stdout: '', stderr }, { uri: 'u', tried: 't' });
    for (const gone of [
      "Storage pool not found: no pool with name 'x'",
      "pool 'x' is not active",
      "operation is not valid: storage pool 'slipway' is not active",
    ])
      assert.ok(isPoolGone(says(gone)));
    assert.ok(!isPoolGone(says("Storage volume not found: no storage vol with matching path 'x'")));
    for (const active of [
      "storage pool 'slipway' is already active",
      "storage pool 'slipway' is still active",
      'network is already active',
    ])
      assert.equal(unlessActive(says(active)), undefined);
    assert.throws(() => unlessActive(says('something new')), { code: 'COMMAND_FAILED' });
  });

  test('a pool that is at work is busy, and not broken', () => {
    assert.ok(isBusy("error: internal error: pool 'slipway' has asynchronous jobs running."));
    assert.ok(!isBusy("error: failed to get pool 'slipway'"));
  });
});

const NETWORK = `<network>
  <name>slipway-vm</name>
  <forward mode='nat'>
    <nat><port start='1024' end='65535'/></nat>
  </forward>
  <bridge name='swvm0123' stp='off' delay='0'/>
  <ip address='10.89.4.1' netmask='255.255.255.0'>
    <dhcp>
      <range start='10.89.4.200' end='10.89.4.250'/>
      <host mac='52:54:00:59:04:0b' name='vm-1' ip='10.89.4.11'/>
    </dhcp>
  </ip>
  <route family='ipv4' address='10.244.1.0' prefix='24' gateway='10.89.4.12'/>
</network>
`;

test('a network is read as libvirt writes it', () => {
  assert.deepEqual(parseNetwork(NETWORK), {
    name: 'slipway-vm',
    bridge: 'swvm0123',
    prefix: '10.89.4',
    mode: 'nat',
    hosts: [{ mac: '52:54:00:59:04:0b', name: 'vm-1', address: '10.89.4.11' }],
  });
  assert.equal(macOf('10.89.4.11'), '52:54:00:59:04:0b');
});

test('routes through one machine leave those of another alone', () => {
  const both = withRoutes(NETWORK, { address: '10.89.4.11', ranges: ['10.244.0.0/24', '10.244.7.0/25'] });
  assert.deepEqual(rangesThrough(both, '10.89.4.11'), ['10.244.0.0/24', '10.244.7.0/25']);
  assert.deepEqual(rangesThrough(both, '10.89.4.12'), ['10.244.1.0/24']);
  assert.equal(withRoutes(both, { address: '10.89.4.11', ranges: [] }), NETWORK);
});

test('a machine has one name and one uuid, which are those of no other', () => {
  const id = { cluster: 'vm', name: 'vm-1' };
  assert.equal(domainName(id), 'vm.vm-1');
  assert.match(domainUuid(id), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(domainUuid(id), domainUuid({ ...id }));
  assert.notEqual(domainUuid(id), domainUuid({ cluster: 'vm', name: 'vm-2' }));
});

test('the mark of a machine is read back, whatever its key is called', () => {
  const xml = `<domain><metadata><slipway:node xmlns:slipway="urn:slipway:node:1" cluster="vm" node="vm-1" hostKey="ssh-ed25519 AAAA root@&quot;x&quot; &amp;"/></metadata></domain>`;
  assert.equal(parseMark(xml)?.hostKey, 'ssh-ed25519 AAAA root@"x" &');
  assert.equal(parseMark('<domain><name>other</name></domain>'), undefined);
  assert.deepEqual(xmlAttributes('<a/><a b="1"/>', 'a'), [{}, { b: '1' }]);
  assert.equal(xmlText("<v><capacity unit='bytes'>12</capacity></v>", 'capacity'), '12');
});

test('settings have defaults, and are refused by name', () => {
  assert.equal(kvmSettings({}).pool, 'slipway');
  for (const bad of [{ accel: 'magic' }, { bootTimeoutSeconds: 'long' }, { subnet: '10.0.0.0/8' }, { image: '' }, { imageSha256: 'abc' }])
    assert.throws(() => kvmSettings(bad), { code: 'CONFIG_INVALID' });
});
