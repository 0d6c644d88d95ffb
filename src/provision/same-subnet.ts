import type { HostFacts } from '../hosts/facts/host-facts.ts';

/** Whether all hosts have the address that is given for them, each on a network of the same range. */
export const sameSubnet = (hosts: readonly { address: string; facts: Pick<HostFacts, 'addresses'> }[]): boolean => {
  const ranges = hosts.map(({ address, facts }) => {
    const own = facts.addresses.find((each) => each.address === address);
    return own && own.prefixLength < 32 ? `${network(address, own.prefixLength)}/${own.prefixLength}` : undefined;
  });
  return ranges[0] !== undefined && ranges.every((range) => range === ranges[0]);
};

const network = (address: string, prefixLength: number): number => {
  const value = address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  return value - (value % 2 ** (32 - prefixLength));
};
