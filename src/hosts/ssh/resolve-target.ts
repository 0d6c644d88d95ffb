import { userInfo } from 'node:os';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { type ConfigBlock, type HostSettings, settingsOf } from './ssh-config.ts';
import type { SshHop } from './ssh-connection.ts';
import { readTarget, type SshTarget } from './ssh-target.ts';

/** How a host is reached, once the user's ssh configuration has been asked. */
export interface Route {
  target: SshTarget;
  identityFile: string | undefined;
  jumps: readonly SshHop[];
}

/** What is given for a host: a name or address, and where wanted a key, and hosts on the way (`user@a,user@b`, the first one first). */
export interface WrittenRoute {
  host: string;
  identityFile?: string | undefined;
  jumpHost?: string | undefined;
}

const MAX_JUMPS = 8;

/** What is written wins over ~/.ssh/config, and that over the defaults of ssh. Throws CONFIG_INVALID. */
export const resolveRoute = (written: WrittenRoute, config: readonly ConfigBlock[]): Route => {
  const { target, settings } = resolveOne(written.host, config);
  const hops = written.jumpHost === undefined ? settings.proxyJump : written.jumpHost.split(',').map((hop) => hop.trim());
  return {
    target,
    identityFile: written.identityFile ?? settings.identityFile,
    jumps: jumpsOf(hops ?? [], { config, identityFile: written.identityFile, asked: [written.host] }),
  };
};

/** A host on the way may itself be reached through others. */
const jumpsOf = (
  hops: readonly string[],
  {
    config,
    identityFile,
    asked,
  }: {
    config: readonly ConfigBlock[];
    identityFile: string | undefined;
    asked: readonly string[];
  },
): SshHop[] => {
  if (asked.length > MAX_JUMPS)
    throw new SlipwayError('CONFIG_INVALID', {
      tried: `find the way to ${asked[0]}`,
      cause: `it leads through more than ${MAX_JUMPS} hosts: ${asked.join(', ')}`,
    });
  const [first] = hops;
  if (first === undefined) return [];
  const before = settingsOf(config, readTarget(first).host).proxyJump ?? [];
  return [
    ...jumpsOf(before, { config, identityFile, asked: [...asked, first] }),
    ...hops.map((hop) => {
      const { target, settings } = resolveOne(hop, config);
      return { ...target, identityFile: settings.identityFile ?? identityFile };
    }),
  ];
};

const resolveOne = (written: string, config: readonly ConfigBlock[]): { target: SshTarget; settings: HostSettings } => {
  const { host, port, user } = readTarget(written);
  const settings = settingsOf(config, host);
  return {
    target: { host: settings.hostName ?? host, port: port ?? settings.port ?? 22, user: user ?? settings.user ?? userInfo().username },
    settings,
  };
};
