import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import type { ServerConfig } from '../api/config/server-config.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';

export const DEFAULT_SERVER_CONFIG = '/etc/slipway/server.json';

/** Reads and checks a server's configuration. Throws CONFIG_INVALID that names the file and every field that is wrong. */
export const readServerConfig = async (path: string): Promise<ServerConfig> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new SlipwayError('CONFIG_INVALID', { tried: `read ${path}`, cause: error as Error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SlipwayError('CONFIG_INVALID', { tried: `read ${path}`, cause: `it is not JSON: ${(error as Error).message}` });
  }
  const problems = problemsOf(value);
  if (problems.length) throw new SlipwayError('CONFIG_INVALID', { tried: `use ${path}`, cause: problems.join('; ') });
  return value as ServerConfig;
};

type Check = (value: unknown) => string | undefined;

const text: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'must be a text that is not empty');
const path: Check = (value) => (typeof value === 'string' && isAbsolute(value) ? undefined : 'must be an absolute path');
const address: Check = (value) => (typeof value === 'string' && isIP(value) ? undefined : 'must be an IP address');
const cidr: Check = (value) => {
  const [base = '', bits = '', ...rest] = typeof value === 'string' ? value.split('/') : [];
  const family = isIP(base);
  const isRange = family !== 0 && rest.length === 0 && /^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
  return isRange ? undefined : 'must be an address range like 10.96.0.0/16';
};
const number =
  (from: number, to: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= from && (value as number) <= to
      ? undefined
      : `must be a whole number from ${from} to ${to}`;
const oneOf =
  (...names: string[]): Check =>
  (value) =>
    typeof value === 'string' && names.includes(value) ? undefined : `must be one of ${names.join(', ')}`;
const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);
const listOf =
  (check: Check): Check =>
  (value) => {
    if (!Array.isArray(value) || value.length === 0) return 'must be a list that is not empty';
    return value.map(check).find((problem) => problem !== undefined);
  };
const portRange: Check = (value) => {
  const port = number(1, 65_535);
  const isRange = Array.isArray(value) && value.length === 2 && !value.some(port) && value[0] <= value[1];
  return isRange ? undefined : 'must be two ports, the lower one first';
};

const ALWAYS: Record<string, Check> = {
  clusterName: text,
  nodeName: text,
  components: listOf(oneOf('apiserver', 'scheduler', 'controllers')),
  podCidr: cidr,
  nodeCidrMaskSize: number(1, 128),
  clusterDomain: text,
  nodeMonitorGraceSeconds: optional(number(1, 86_400)),
  podEvictionSeconds: optional(number(0, 86_400)),
  disableAdmissionPlugins: optional(listOf(text)),
  certificateSeconds: optional(number(10, 10 * 365 * 86_400)),
  logLevel: optional(oneOf('debug', 'info', 'warn', 'error')),
};

const CLOUD: Record<string, Check> = {
  'cloud.provider': oneOf('aws'),
  'cloud.region': text,
  'cloud.endpoint': optional(text),
  'cloud.podRoutes': optional(flag),
};

const WITH_API_SERVER: Record<string, Check> = {
  bindAddress: address,
  securePort: number(0, 65_535),
  advertiseAddress: address,
  serviceCidr: cidr,
  nodePortRange: portRange,
  'store.kind': oneOf('sqlite', 'memory', 'etcd'),
  'pki.caFile': path,
  'pki.certFile': path,
  'pki.keyFile': path,
  'pki.serviceAccountKeyFile': path,
  'pki.serviceAccountIssuer': text,
  'pki.kubeletClientCertFile': path,
  'pki.kubeletClientKeyFile': path,
};

const STORES: Record<string, Record<string, Check>> = {
  sqlite: { 'store.path': path },
  memory: {},
  etcd: { 'store.endpoints': listOf(text), 'store.caFile': path, 'store.certFile': path, 'store.keyFile': path },
};

/** Everything that is wrong, one line each: `securePort must be ...`. */
export const problemsOf = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['it is not a JSON object'];
  const at = (name: string): unknown =>
    name.split('.').reduce<unknown>((inner, part) => (inner as Record<string, unknown> | null | undefined)?.[part], value);
  const components = at('components');
  const names: readonly unknown[] = Array.isArray(components) ? components : [];
  const checks = {
    ...ALWAYS,
    ...(at('cloud') === undefined ? {} : CLOUD),
    ...(names.includes('apiserver') ? { ...WITH_API_SERVER, ...STORES[String(at('store.kind'))] } : {}),
    ...(names.length > 0 && !names.includes('apiserver') ? { kubeconfigFile: path } : {}),
  };
  return Object.entries(checks).flatMap(([name, check]) => {
    const problem = check(at(name));
    return problem ? [`${name} ${problem}`] : [];
  });
};
