import { userInfo } from 'node:os';
import { SlipwayError } from '../../base/errors/slipway-error.ts';

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

/** Reads `address`, `user@address`, `user@address:2222`, `user@[fd00::2]:2222`. Throws CONFIG_INVALID. */
export const readTarget = (text: string): WrittenTarget => {
  const match = /^(?:([^@\s]+)@)?(?:\[([0-9a-fA-F:.]+)\]|([^:@\s[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[4] === undefined ? undefined : Number(match[4]);
  const host = match?.[2] ?? match?.[3];
  if (!host || port === 0 || (port ?? 0) > 65_535)
    throw new SlipwayError('CONFIG_INVALID', {
      tried: `use the host ${JSON.stringify(text)}`,
      cause: 'it is not of the form user@address:port',
    });
  return { host, port, user: match?.[1] };
};

/** The same with what ssh itself takes where nothing is said: port 22, and the name of this computer's user. */
export const parseSshTarget = (text: string): SshTarget => {
  const { host, port = 22, user = userInfo().username } = readTarget(text);
  return { host, port, user };
};

/** As OpenSSH writes a host in known_hosts. */
export const knownHostsName = ({ host, port }: Pick<SshTarget, 'host' | 'port'>): string => (port === 22 ? host : `[${host}]:${port}`);
