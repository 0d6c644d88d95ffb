/** IPAddresses and ServiceCIDRs. */
import { isIP } from 'node:net';
import { checkText, IP_MESSAGE, isCidr } from '../../meta/checks.ts';
import { as } from '../../meta/columns.ts';
import { type FieldError, invalid, required } from '../../meta/field-error.ts';
import { dnsSubdomainProblems } from '../../meta/names.ts';
import type { KubeObject } from '../../meta/object.ts';
import type { IPAddress, ServiceCIDR } from '../../types/networking-v1.ts';

/** As RFC 5952 writes it; '' for what is no address. */
const canonical = (address: string): string => {
  if (isIP(address) === 4) return address;
  if (isIP(address) !== 6 || address.includes('%')) return '';
  return URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? '';
};

/** An address is its object's name, so each may be written in one way only. */
export const ipAddressNameProblems = (name: string): readonly string[] => {
  if (/^[\d.]+$/.test(name) && /(^|\.)0\d/.test(name)) return ['must not have leading 0s'];
  const written = canonical(name);
  if (written === '') return [IP_MESSAGE];
  if (written.startsWith('::ffff:')) return ['must not be an IPv4-mapped IPv6 address'];
  return written === name ? [] : [`must be in canonical form ("${written}")`];
};

const pathSegmentProblems = (name: string): readonly string[] => {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter((sign) => name.includes(sign)).map((sign) => `may not contain '${sign}'`);
};

export const validateIpAddress = (object: KubeObject): FieldError[] => {
  const parent = as<IPAddress>(object).spec?.parentRef;
  if (!parent) return [required('spec.parentRef')];
  const errors: FieldError[] = [];
  const at = 'spec.parentRef';
  if (parent.group) checkText(errors, `${at}.group`, parent.group, dnsSubdomainProblems);
  if (!parent.resource) errors.push(required(`${at}.resource`));
  else checkText(errors, `${at}.resource`, parent.resource, pathSegmentProblems);
  if (!parent.name) errors.push(required(`${at}.name`));
  else checkText(errors, `${at}.name`, parent.name, pathSegmentProblems);
  if (parent.namespace) checkText(errors, `${at}.namespace`, parent.namespace, pathSegmentProblems);
  return errors;
};

export const validateServiceCidr = (object: KubeObject): FieldError[] => {
  const cidrs = as<ServiceCIDR>(object).spec?.cidrs ?? [];
  if (cidrs.length === 0) return [required('spec.cidrs', 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalid('spec.cidrs', { CIDRs: cidrs }, 'may only hold up to 2 values')];
  const errors: FieldError[] = [];
  const families = cidrs.map((cidr) => isIP(cidr.split('/')[0] ?? ''));
  if (families[0] !== 0 && families[0] === families[1])
    errors.push(invalid('spec.cidrs', cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'));
  for (const [index, cidr] of cidrs.entries()) {
    if (!isCidr(cidr))
      errors.push(invalid(`spec.cidrs[${index}]`, cidr, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'));
    else if (hasHostBits(cidr)) errors.push(invalid(`spec.cidrs[${index}]`, cidr, 'must not have bits set beyond the prefix length'));
  }
  return errors;
};

const hasHostBits = (cidr: string): boolean => {
  const [address = '', bits = ''] = cidr.split('/');
  const isV4 = isIP(address) === 4;
  const groups = isV4 ? address.split('.').map(Number) : groupsOf(canonical(address));
  const width = isV4 ? 8n : 16n;
  const value = groups.reduce((sum, group) => (sum << width) | BigInt(group), 0n);
  return (value & ((1n << ((isV4 ? 32n : 128n) - BigInt(bits))) - 1n)) !== 0n;
};

/** The eight groups of an IPv6 address in its canonical form. */
const groupsOf = (address: string): number[] => {
  const [left = '', right] = address.split('::');
  const parse = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  if (right === undefined) return parse(left);
  const [before, after] = [parse(left), parse(right)];
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
};
