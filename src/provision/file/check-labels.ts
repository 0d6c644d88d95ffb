import { labelKeyProblems, labelValueProblems } from '../../api/meta/names.ts';
import type { PoolFile } from './cluster-file.ts';
import type { Say } from './located-value.ts';

/** What every node says of itself, over and over. */
const OF_THE_NODE: readonly string[] = [
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
];
const ROLES = 'node-role.kubernetes.io/';
/** Of Kubernetes' own domains: as kubelet allows them, and those that are kept for administrators. */
const ALLOWED_DOMAINS: readonly string[] = ['kubelet.kubernetes.io', 'node.kubernetes.io', 'node-restriction.kubernetes.io'];
const ALLOWED: readonly string[] = [
  'beta.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
];
const KEY =
  'a key such as disk or example.com/disk: at most 63 letters, digits, -, _ and ., with a DNS name and / before them where wanted';

export const checkLabels = ({ labels = {} }: PoolFile, say: Say): void => {
  for (const key of Object.keys(labels)) {
    const problem = labelKeyProblems(key).length ? `must be ${KEY}` : reservedBy(key);
    if (problem) say(['labels', key], problem);
  }
};

const reservedBy = (key: string): string | undefined => {
  if (OF_THE_NODE.includes(key)) return 'every node says this of itself: leave it out';
  if (key.startsWith(ROLES)) return `a role is given by roles: [${key.slice(ROLES.length) || 'worker'}]`;
  const [domain = '', name] = key.split('/');
  if (name === undefined || !/(^|\.)(kubernetes|k8s)\.io$/.test(domain)) return undefined;
  if (ALLOWED.includes(key) || ALLOWED_DOMAINS.some((one) => domain === one || domain.endsWith(`.${one}`))) return undefined;
  return `${domain} is Kubernetes' own, and has no such label for nodes; there are ${[...ALLOWED.slice(-2), ...ALLOWED_DOMAINS.map((one) => `${one}/...`)].join(', ')}`;
};

/** Their effects are known to be right. */
export const checkTaints = ({ taints = [] }: PoolFile, say: Say): void => {
  const seen = new Map<string, number>();
  for (const [index, taint] of taints.entries()) {
    const effectAt = taint.lastIndexOf(':');
    const [key = '', value = ''] = taint.slice(0, effectAt).split('=');
    if (labelKeyProblems(key).length) say(['taints', index], `its key must be ${KEY}, not ${JSON.stringify(key)}`);
    if (labelValueProblems(value).length)
      say(['taints', index], `its value must be at most 63 letters, digits, -, _ and ., not ${JSON.stringify(value)}`);
    const identity = `${key}${taint.slice(effectAt)}`;
    const earlier = seen.get(identity);
    if (earlier !== undefined) say(['taints', index], `taints[${earlier}] has this key with this effect already`);
    else seen.set(identity, index);
  }
};
