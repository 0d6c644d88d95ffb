import { readFile } from 'node:fs/promises';
import type { Stored } from '../../api/meta/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { hostnameOf } from './sandbox-config.ts';

const LOCAL_LINES = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'fe00::\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

/** The text of a pod's /etc/hosts. */
export const hostsFile = async (pod: Stored<Pod>, options: { ips: readonly string[]; clusterDomain: string }): Promise<string> => {
  const { spec, metadata } = pod;
  const aliases = (spec?.hostAliases ?? []).map(({ ip, hostnames = [] }) => [ip, ...hostnames].join('\t'));
  const tail = aliases.length > 0 ? `\n# Entries added by HostAliases.\n${aliases.join('\n')}\n` : '';
  if (spec?.hostNetwork) {
    const own = await readFile('/etc/hosts', 'utf8').catch(() => '');
    return `# Kubernetes-managed hosts file (host network).\n${own}${tail}`;
  }
  const hostname = hostnameOf(pod, options.clusterDomain);
  // A name that replaces all others has no longer form.
  const domain = spec?.hostnameOverride ? undefined : spec?.subdomain;
  const full = domain ? `${hostname.split('.')[0]}.${domain}.${metadata.namespace}.svc.${options.clusterDomain}\t` : '';
  const lines = options.ips.map((ip) => `${ip}\t${full}${hostname}`);
  return `# Kubernetes-managed hosts file.\n${[...LOCAL_LINES, ...lines].join('\n')}\n${tail}`;
};
