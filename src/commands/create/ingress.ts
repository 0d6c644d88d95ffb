import { type Flags, listFlag, textFlag } from '../../cli/args/flags.ts';
import { CommandError, UsageError } from '../../cli/errors.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const flags = {
  ...WRITE_FLAGS,
  class: textFlag('Ingress class'),
  rule: listFlag('HOST/PATH=SERVICE:PORT[,tls[=SECRET]]; a path that ends in * is a prefix', { splitOnComma: false }),
  'default-backend': textFlag('SERVICE:PORT for what no rule takes'),
  annotation: listFlag('KEY=VALUE', { splitOnComma: false }),
} as const satisfies Flags;

interface Rule {
  host: string;
  path: string;
  backend: string;
  tls: boolean;
  secret: string;
}

export default class CreateIngress extends ObjectCommand<typeof flags> {
  static override summary = 'Create an Ingress';
  static override usage = 'NAME --rule=HOST/PATH=SERVICE:PORT[,tls[=SECRET]] [flags]';
  static override examples = ['slipway create ingress web --class=haproxy --rule="shop.example/*=web:80"'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const { rule, annotation, class: ingressClassName, 'default-backend': fallback } = this.flags;
    if (!fallback && !rule.length)
      throw new CommandError(
        'not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules (which catch specific paths)',
      );
    const rules = rule.map(parseRule);
    if (fallback && fallback.split(':').length !== 2) throw new CommandError('default-backend should be in format servicename:serviceport');
    const tls = tlsOf(rules);
    const spec = {
      ...(ingressClassName ? { ingressClassName } : {}),
      ...(fallback ? { defaultBackend: backendOf(fallback) } : {}),
      ...(rules.length ? { rules: byHost(rules) } : {}),
      ...(tls.length ? { tls } : {}),
    };
    const annotations = Object.fromEntries(annotation.map(parseAnnotation));
    const metadata = { name, ...(annotation.length ? { annotations } : {}) };
    const resource = builtinResource('ingresses', 'networking.k8s.io');
    const object = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata, spec, status: { loadBalancer: {} } };
    await this.report(resource, await this.create(resource, object), 'created');
  }
}

const parseRule = (text: string): Rule => {
  const match = /^([\w*.-]*)(\/[^=,]*)=([\w-]+:[\w-]+)(,tls(?:=([\w.-]+))?)?$/.exec(text);
  if (!match) throw new CommandError(`rule ${text} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]`);
  const [, host = '', path = '/', backend = '', tls, secret = ''] = match;
  return { host, path, backend, tls: tls !== undefined, secret };
};

const parseAnnotation = (text: string): [string, string] => {
  const at = text.indexOf('=');
  if (at < 0) throw new CommandError(`annotation ${text} is invalid and should be in format key=[value]`);
  return [text.slice(0, at), text.slice(at + 1)];
};

const backendOf = (text: string): object => {
  const [name = '', port = ''] = text.split(':');
  return { service: { name, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } } };
};

/** Rules of one host are one rule of the Ingress. */
const byHost = (rules: readonly Rule[]): object[] => {
  const hosts = new Map<string, object[]>();
  for (const { host, path, backend } of rules) {
    const isPrefix = path.endsWith('*');
    const entry = { backend: backendOf(backend), path: isPrefix ? path.slice(0, -1) : path, pathType: isPrefix ? 'Prefix' : 'Exact' };
    hosts.set(host, [...(hosts.get(host) ?? []), entry]);
  }
  return [...hosts].map(([host, paths]) => ({ ...(host ? { host } : {}), http: { paths } }));
};

/** Hosts by the Secret that they share; each host once. */
const tlsOf = (rules: readonly Rule[]): object[] => {
  const secrets = new Map<string, string[]>();
  const seen = new Set<string>();
  for (const { host, secret } of rules.filter((rule) => rule.tls)) {
    if (seen.has(host)) continue;
    seen.add(host);
    secrets.set(secret, [...(secrets.get(secret) ?? []), ...(host ? [host] : [])]);
  }
  return [...secrets]
    .filter(([secret, hosts]) => secret || hosts.length)
    .map(([secretName, hosts]) => ({ ...(hosts.length ? { hosts } : {}), ...(secretName ? { secretName } : {}) }));
};
