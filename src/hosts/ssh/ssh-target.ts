import { isIPv6 } from 'node:net';
import { userInfo } from 'node:os';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { parseIpv4 } from '../../base/net/ipv4-range.ts';
import { formProblem, type TextForm } from '../../base/text/text-form.ts';

/** Where to knock: `user@address:port`. */
export interface SshTarget {
  host: string;
  port: number;
  user: string;
}

/** As it was written: what is left out may stand in the user's ssh configuration. */
export interface WrittenTarget {
  host: string;
  port?: number | undefined;
  user?: string | undefined;
}

/** No part begins with a hyphen: ssh would take it for an option. */
const TARGET = String.raw`(?:([^@\s-][^@\s]*)@)?(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_\u0080-\uffff][A-Za-z0-9_.+~%\u0080-\uffff-]*))(?::(\d{1,5}))?`;

/** `address`, `user@address`, `user@address:2222`, `user@[fd00::2]:2222`. */
export const SSH_TARGET: TextForm = {
  pattern: TARGET,
  'x-is': 'a host such as root@192.0.2.11, admin@box.example:2222 or root@[fd00::2]:22',
  fault: (text) => {
    const { host, port } = parts(text);
    if (port !== undefined && (port < 1 || port > 65_535)) return `${text} has the port ${port}: ports are 1 to 65535`;
    if (host.includes(':') && !isIPv6(host)) return `${host} is no IPv6 address`;
    if (/^[\d.]+$/.test(host) && host.includes('.') && parseIpv4(host) === undefined) return `${host} is no IPv4 address`;
    return undefined;
  },
};

/** Hosts on the way to another, the first one first: `user@a,user@b`. */
export const SSH_TARGETS: TextForm = {
  pattern: '[^,]+(,[^,]+)*',
  'x-is': 'hosts with commas between them, such as admin@gate.example,admin@192.0.2.1:2222',
  fault: (text) => {
    for (const hop of text.split(',')) {
      const problem = formProblem(SSH_TARGET, hop.trim());
      if (problem) return `${JSON.stringify(hop)}: ${problem}`;
    }
    return undefined;
  },
};

const parts = (text: string): WrittenTarget => {
  const match = new RegExp(`^${TARGET}$`, 'u').exec(text);
  return { host: match?.[2] ?? match?.[3] ?? '', port: match?.[4] === undefined ? undefined : Number(match[4]), user: match?.[1] };
};

/** Throws CONFIG_INVALID for what is not of the form SSH_TARGET. */
export const readTarget = (text: string): WrittenTarget => {
  const problem = formProblem(SSH_TARGET, text);
  if (problem) throw new SlipwayError('CONFIG_INVALID', { tried: `use the host ${JSON.stringify(text)}`, cause: problem });
  return parts(text);
};

/** The same with what ssh itself takes where nothing is said: port 22, and the name of this computer's user. */
export const parseSshTarget = (text: string): SshTarget => {
  const { host, port = 22, user = userInfo().username } = readTarget(text);
  return { host, port, user };
};

/** As OpenSSH writes a host in known_hosts. */
export const knownHostsName = ({ host, port }: Pick<SshTarget, 'host' | 'port'>): string => (port === 22 ? host : `[${host}]:${port}`);

/** One text for all spellings of a host: user, port 22 and the case of a name make no difference. What is no host stands for itself. */
export const hostIdentity = (text: string): string => {
  const { host, port = 22 } = parts(text);
  if (!host) return text;
  const name = isIPv6(host) ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host.toLowerCase().replace(/\.$/, '');
  return knownHostsName({ host: name, port });
};

/** The same host at another address, where it was given by the address that it had. */
export const movedHost = (text: string, { from, to }: { from: string; to: string }): string => {
  if (parts(text).host !== from) return text;
  const at = text.lastIndexOf(from);
  return `${text.slice(0, at)}${to}${text.slice(at + from.length)}`;
};

/** The IPv4 address of a host that is named by it; what a name stands for only the network knows. */
export const hostAddress = (text: string): string | undefined => {
  const { host } = parts(text);
  return parseIpv4(host) === undefined ? undefined : host;
};
