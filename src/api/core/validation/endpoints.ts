import { isIP } from 'node:net';
import { checkIp, checkOneOf, checkText } from '../../meta/checks.ts';
import { as } from '../../meta/columns.ts';
import { type FieldError, invalid, required } from '../../meta/field-error.ts';
import { dnsLabelProblems, dnsSubdomainProblems, portNumberProblems } from '../../meta/names.ts';
import type { KubeObject } from '../../meta/object.ts';
import type { EndpointAddress, EndpointPort, Endpoints } from '../../types/core-v1.ts';
import { PROTOCOLS } from './containers.ts';

/** Addresses that can be no endpoint: of this host alone, of one link, of many. */
export const checkEndpointIp = (errors: FieldError[], at: string, address: string): void => {
  const family = isIP(address);
  const lower = address.toLowerCase();
  if (family === 0) errors.push(invalid(at, address, 'must be a valid IP address'));
  else if (address === '0.0.0.0' || address === '::') errors.push(invalid(at, address, `may not be unspecified (0.0.0.0 or ::)`));
  else if (address.startsWith('127.') || address === '::1')
    errors.push(invalid(at, address, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'));
  else if (address.startsWith('169.254.') || /^fe[89ab]/.test(lower))
    errors.push(invalid(at, address, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'));
  else if (address.startsWith('224.0.0.') || lower.startsWith('ff02:'))
    errors.push(invalid(at, address, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'));
};

export const validateEndpoints = (object: KubeObject): FieldError[] => {
  const errors: FieldError[] = [];
  for (const [index, { addresses = [], notReadyAddresses = [], ports = [] }] of (as<Endpoints>(object).subsets ?? []).entries()) {
    const at = `subsets[${index}]`;
    if (addresses.length === 0 && notReadyAddresses.length === 0)
      errors.push(required(at, 'must specify `addresses` or `notReadyAddresses`'));
    for (const [position, address] of addresses.entries()) checkAddress(errors, `${at}.addresses[${position}]`, address);
    for (const [position, address] of notReadyAddresses.entries()) checkAddress(errors, `${at}.notReadyAddresses[${position}]`, address);
    for (const [position, port] of ports.entries()) checkPort(errors, `${at}.ports[${position}]`, port, ports.length > 1);
  }
  return errors;
};

const checkAddress = (errors: FieldError[], at: string, { ip, hostname, nodeName }: EndpointAddress): void => {
  checkIp(errors, `${at}.ip`, ip);
  if (hostname) checkText(errors, `${at}.hostname`, hostname, dnsLabelProblems);
  if (nodeName !== undefined) checkText(errors, `${at}.nodeName`, nodeName, dnsSubdomainProblems);
  checkEndpointIp(errors, `${at}.ip`, ip);
};

const checkPort = (errors: FieldError[], at: string, { name, port, protocol }: EndpointPort, needsName: boolean): void => {
  if (name) checkText(errors, `${at}.name`, name, dnsLabelProblems);
  else if (needsName) errors.push(required(`${at}.name`));
  for (const problem of portNumberProblems(port)) errors.push(invalid(`${at}.port`, port, problem));
  checkOneOf(errors, `${at}.protocol`, protocol, PROTOCOLS);
};
