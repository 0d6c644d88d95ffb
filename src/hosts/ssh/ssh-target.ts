import { userInfo } from 'node:os';
import { SlipwayError } from '../../base/errors/slipway-error.ts';

/** Where to knock: `user@address:port`. */
export interface SshTarget {
  host: string;
  port: number;
  user: string;
}

/** Reads `address`, `user@address`, `user@address:2222`, `user@[fd00::2]:2222`. Throws CONFIG_INVALID. */
export const parseSshTarget = (text: string): SshTarget => {
  const match = /^(?:([^@\s]+)@)?(?:\[([0-9a-fA-F:.]+)\]|([^:@\s[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(match?.[4] ?? 22);
  const host = match?.[2] ?? match?.[3];
  if (!host || port < 1 || port > 65_535)
    throw new SlipwayError('CONFIG_INVALID', {
      tried: `use the host ${JSON.stringify(text)}`,
      cause: 'it is not of the form user@address:port',
    });
  return { host, port, user: match?.[1] ?? userInfo().username };
};

/** As OpenSSH writes a host in known_hosts. */
export const knownHostsName = ({ host, port }: Pick<SshTarget, 'host' | 'port'>): string => (port === 22 ? host : `[${host}]:${port}`);
