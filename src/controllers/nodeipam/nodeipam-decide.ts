/** The first range of `maskSize` bits in `cidr` (IPv4) that no node has; undefined when all are taken. */
export const nextNodeCidr = (cidr: string, maskSize: number, taken: ReadonlySet<string>): string | undefined => {
  const [address = '', bits = ''] = cidr.split('/');
  const prefix = Number(bits);
  const count = 2 ** (maskSize - prefix);
  const base = toNumber(address);
  for (let index = 0; index < count; index += 1) {
    const range = `${toText(base + index * 2 ** (32 - maskSize))}/${maskSize}`;
    if (!taken.has(range)) return range;
  }
  return undefined;
};

const toNumber = (address: string): number => address.split('.').reduce((number, part) => number * 256 + Number(part), 0);
const toText = (number: number): string => [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
