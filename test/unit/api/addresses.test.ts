import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipAddressNameProblems, validateServiceCidr } from '../../../src/api/networking/validation/addresses.ts';

/** As kube-apiserver 1.36.3 answers. */
test('an address names its object in one way only', () => {
  const rows: [string, string | undefined][] = [
    ['1.2.3.4', undefined],
    ['fe80::42:1dff:fe84:f9e2', undefined],
    ['fe80:0::1', 'must be in canonical form ("fe80::1")'],
    ['010.0.0.1', 'must not have leading 0s'],
    ['notip', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['fe80::1%eth0', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['::ffff:1.2.3.4', 'must not be an IPv4-mapped IPv6 address'],
  ];
  for (const [name, problem] of rows) assert.equal(ipAddressNameProblems(name)[0], problem, name);
});

test('ranges of Services are one of each family, without bits of hosts', () => {
  const problems = (...cidrs: string[]) => validateServiceCidr({ metadata: { name: 'x' }, spec: { cidrs } }).map(({ message }) => message);
  assert.deepEqual(problems('10.0.0.0/16', 'fd00::/112'), []);
  assert.match(problems().join(), /^Required value: at least one CIDR required$/);
  for (const cidr of ['10.0.0.1/16', 'fd00::1/112'])
    assert.match(problems(cidr).join(), /must not have bits set beyond the prefix length$/);
  assert.match(problems('10.0.0.0/16', '10.1.0.0/16').join(), /no more than one IP for each IP family/);
});
