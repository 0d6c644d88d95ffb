import type { Host } from '../host.ts';
import { FACTS_SCRIPT } from './facts-script.ts';
import { parseFacts } from './parse-facts.ts';

/** What a host is and has, found out by one command. */
export interface HostFacts {
  distribution: Distribution;
  /** As Node.js names it: `x64`, `arm64`; the kernel's own word for others. */
  architecture: string;
  /** The C library. Node.js and the distribution's containerd are linked against it. */
  libc: 'glibc' | 'musl';
  init: 'systemd' | 'runit' | 'none';
  kernel: string;
  cpus: number;
  memoryMiB: number;
  /** `hybrid`: version 1 with an empty tree of version 2 beside it. */
  cgroups: 'v1' | 'v2' | 'hybrid';
  /** By the folders of facts-script.ts. */
  freeMiB: ReadonlyMap<string, number>;
  addresses: readonly HostAddress[];
  /** TCP ports that something listens on, whatever the address. */
  listening: readonly number[];
  /** Of those that the script looks for. */
  tools: ReadonlySet<string>;
  /** Folders with CNI plugins, the distribution's first. */
  cniFolders: readonly string[];
  /** A firewall of the distribution that is at work: it may drop what nodes say to each other. */
  firewall: 'firewalld' | 'ufw' | undefined;
  selinuxEnforcing: boolean;
  /** How far the host's clock is ahead of this computer's. */
  clockAheadMs: number;
  /** Capabilities that a program of root may have there, as a set of bits. */
  capabilities: bigint;
  /** /etc/resolv.conf. */
  resolvers: readonly string[];
  /** The text of NODE_MARKER, where the host is a node. */
  marker: string | undefined;
}

export interface Distribution {
  /** ID of os-release: `debian`, `rocky`. */
  id: string;
  like: readonly string[];
  version: string;
  /** For people: `Debian GNU/Linux 12 (bookworm)`. */
  title: string;
}

export interface HostAddress {
  link: string;
  address: string;
  prefixLength: number;
}

const known = new WeakMap<object, Promise<HostFacts>>();

/** Asked once for each connection; later callers share the answer. `again`: what was found before is out of date. */
export const factsOf = (host: Pick<Host, 'name' | 'run'>, options: { again?: boolean } = {}): Promise<HostFacts> => {
  const there = known.get(host);
  if (there && !options.again) return there;
  const asked = gatherFacts(host);
  known.set(host, asked);
  // A failure is this caller's; the next one asks again.
  asked.catch(() => known.delete(host));
  return asked;
};

const gatherFacts = async (host: Pick<Host, 'run'>): Promise<HostFacts> => {
  const began = Date.now();
  const { stdout } = await host.run(['sh', '-c', FACTS_SCRIPT], { timeoutMs: 60_000, readOnly: true });
  // The host read its clock at some moment between.
  return parseFacts(stdout, { now: (began + Date.now()) / 2 });
};
