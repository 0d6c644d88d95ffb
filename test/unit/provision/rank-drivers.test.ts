/** In which order a person is offered the drivers, and what is said of those that cannot begin. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Driver, DriverDescriptor, Finding } from '../../../src/drivers/driver.ts';
import { DRIVER_NAMES, DRIVERS } from '../../../src/drivers/index.ts';
import { rankDrivers } from '../../../src/provision/rank-drivers.ts';

const descriptor = (name: string, preflight: () => Promise<Finding[]>, settings: DriverDescriptor['settings'] = []): DriverDescriptor => ({
  ...{ name, summary: `machines of ${name}`, settings },
  load: async () => ({ name, preflight }) as unknown as Driver,
});
const lacking = (problem: string): Finding => ({ severity: 'error', problem, fix: 'apt-get install it' });

test('those that can begin at once come first, each group in the order of the list, with what is missing and what mends it', async () => {
  const ranked = await rankDrivers([
    descriptor('first', async () => [lacking('This host lacks runc.'), lacking('The kernel is old.')]),
    descriptor('second', async () => []),
    descriptor('third', async () => [{ severity: 'warning', problem: 'It is slow.', fix: 'sysctl' }]),
    descriptor('fourth', async () => [lacking('No hypervisor.')]),
  ]);
  assert.deepEqual(
    ranked.map(({ name, missing }) => [name, ...missing.map(({ problem, fix }) => `${problem} ${fix}`)]),
    [
      ['second'],
      ['third'],
      ['first', 'This host lacks runc. apt-get install it', 'The kernel is old. apt-get install it'],
      ['fourth', 'No hypervisor. apt-get install it'],
    ],
  );
});

test('one that fails, or does not answer in time, is offered last with the reason', async () => {
  const ranked = await rankDrivers(
    [
      descriptor('broken', async () => {
        throw new Error('its tool crashed');
      }),
      descriptor('silent', () => new Promise(() => {})),
      descriptor('well', async () => []),
    ],
    20,
  );
  assert.deepEqual(
    ranked.map(({ name, missing }) => [name, missing[0]?.problem]),
    [
      ['well', undefined],
      ['broken', 'its tool crashed'],
      ['silent', 'It did not answer in 0.02 s.'],
    ],
  );
});

test('what the questions need of each driver comes from its descriptor', async () => {
  const ranked = await rankDrivers(
    DRIVERS.map((one) => ({ ...one, load: async () => ({ preflight: async () => [] }) as unknown as Driver })),
  );
  assert.deepEqual(
    ranked.map(({ name }) => name),
    DRIVER_NAMES,
  );
  const named = (is: (driver: (typeof ranked)[number]) => unknown): string[] => ranked.filter(is).map(({ name }) => name);
  assert.deepEqual(
    named(({ usesHosts }) => usesHosts),
    ['ssh'],
  );
  assert.deepEqual(
    named(({ hasDisks }) => hasDisks),
    ['kvm', 'virtualbox', 'aws'],
  );
  assert.deepEqual(
    named(({ offers }) => offers),
    ['aws'],
  );
});

test('what AWS offers costs more elsewhere and with more disk; spot and regions without prices have none', async () => {
  const { offers } = DRIVERS.find(({ name }) => name === 'aws') as DriverDescriptor;
  const priceOf = async (settings: Record<string, unknown>, diskGiB?: number): Promise<number | undefined> =>
    (await offers?.({ settings, diskGiB }))?.find(({ isDefault }) => isDefault)?.usdPerHour;
  assert.equal(await priceOf({ region: 'us-east-1' }), 0.0438);
  assert.equal(await priceOf({ region: 'us-east-1' }, 100), 0.0526);
  assert.equal(await priceOf({ region: 'eu-central-1' }), 0.0504);
  assert.equal(await priceOf({ region: 'xx-nowhere-1' }), undefined);
  assert.equal(await priceOf({ region: 'us-east-1', spot: true }), undefined);
  const names = (await offers?.({ settings: { region: 'us-east-1' } }))?.map(({ name }) => name) ?? [];
  assert.deepEqual(names.slice(0, 2), ['t3.small', 't3.medium']);
});
