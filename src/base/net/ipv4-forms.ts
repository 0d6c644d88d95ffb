import type { TextForm } from '../text/text-form.ts';
import { ipv4Text, parseIpv4, parseIpv4Range } from './ipv4-range.ts';

const BYTE = String.raw`(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const ADDRESS = String.raw`${BYTE}(\.${BYTE}){3}`;

export const IPV4_ADDRESS: TextForm = { pattern: ADDRESS, 'x-is': 'an IPv4 address such as 192.0.2.11' };

/** 10.0.0.1/8 -> 10.0.0.0/8. */
export const rangeFault = (text: string): string | undefined => {
  if (parseIpv4Range(text)) return undefined;
  const [address = '', length = ''] = text.split('/');
  const number = parseIpv4(address) ?? 0;
  return `${text} is no range of addresses: ${ipv4Text(number - (number % 2 ** (32 - Number(length))))}/${length} would be one`;
};

/** `example`: a range of the kind that is asked for. */
export const ipv4Range = (example: string): TextForm => ({
  pattern: String.raw`${ADDRESS}/(3[0-2]|[12]?\d)`,
  'x-is': `a range of IPv4 addresses such as ${example}`,
  fault: rangeFault,
});

/** Of one size: `prefixLength` 16 or 24. */
export const ipv4RangeOfSize = (prefixLength: 16 | 24, example: string): TextForm => ({
  pattern: String.raw`${BYTE}(\.${BYTE}){${prefixLength / 8 - 1}}${String.raw`\.0`.repeat(4 - prefixLength / 8)}/${prefixLength}`,
  'x-is': `a range of ${2 ** (32 - prefixLength)} IPv4 addresses such as ${example}`,
});
