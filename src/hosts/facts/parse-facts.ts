import type { HostAddress, HostFacts } from './host-facts.ts';

/** Reads what the script of facts-script.ts printed. `now`: this computer's clock, in milliseconds, as it was printed. */
export const parseFacts = (text: string, { now }: { now: number }): HostFacts => {
  const lines = text.split('\n').flatMap((line): [name: string, value: string][] => {
    const at = line.indexOf('=');
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1).trim()]] : [];
  });
  const all = (name: string): string[] => lines.filter((line) => line[0] === name).map((line) => line[1]);
  const one = (name: string): string => all(name)[0] ?? '';
  return {
    distribution: {
      id: one('id') || 'unknown',
      like: one('like').split(' ').filter(Boolean),
      version: one('version'),
      title: one('title'),
    },
    architecture: ARCHITECTURES[one('machine')] ?? one('machine'),
    libc: one('libc') === 'musl' ? 'musl' : 'glibc',
    init: oneOf(['systemd', 'runit'] as const, one('init')) ?? 'none',
    kernel: one('kernel'),
    cpus: Number(one('cpus')) || 1,
    memoryMiB: Math.floor(Number(one('memory')) / 1024),
    cgroups: oneOf(['v2', 'hybrid'] as const, one('cgroups')) ?? 'v1',
    freeMiB: new Map(all('free').map((value) => [value.split(' ')[0] ?? '', Math.floor(Number(value.split(' ')[1]) / 1024)])),
    addresses: all('address').flatMap(addressIn),
    listening: [...new Set(all('listening').map((value) => Number.parseInt(value.split(':').at(-1) ?? '', 16)))].sort((a, b) => a - b),
    tools: new Set(all('tool')),
    cniFolders: all('cni'),
    firewall: oneOf(['firewalld', 'ufw'] as const, one('firewall')),
    selinuxEnforcing: one('selinux') === '1',
    // A date without nanoseconds (busybox) prints `%N` or nothing behind the point.
    clockAheadMs: one('clock') ? Math.round(Number.parseFloat(one('clock')) * 1000 - now) : 0,
    capabilities: BigInt(`0x${one('capabilities') || '0'}`),
    resolvers: all('resolver').slice(0, 3),
    marker: one('marker') || undefined,
  };
};

const ARCHITECTURES: Record<string, string> = { x86_64: 'x64', amd64: 'x64', aarch64: 'arm64', arm64: 'arm64' };

const oneOf = <T extends string>(values: readonly T[], text: string): T | undefined => values.find((value) => value === text);

const addressIn = (value: string): HostAddress[] => {
  const [link = '', range = ''] = value.split(' ');
  const [address = '', length] = range.split('/');
  return link === 'lo' ? [] : [{ link, address, prefixLength: Number(length ?? 32) }];
};
