import type { KubeObject, Stored } from '../../api/meta/object.ts';
import type { ConfigMap, LimitRange, Namespace, ResourceQuota, Secret } from '../../api/types/core-v1.ts';
import { compare, dateText, type Page } from './page.ts';
import type { World } from './world.ts';

const head = (page: Page, { metadata }: KubeObject | Stored<object>): void => {
  page.field('Name', metadata.name);
  if (metadata.namespace) page.field('Namespace', metadata.namespace);
  page.labels('Labels', metadata.labels);
  page.annotations(metadata.annotations);
};

const sizeOf = (base64: string): number => Buffer.from(base64, 'base64').length;

export const describeConfigMap = (page: Page, map: Stored<ConfigMap>): void => {
  head(page, map);
  page.line('\nData\n====');
  for (const key of Object.keys(map.data ?? {}).sort(compare)) page.line(`${key}:\n----\n${map.data?.[key]}\n`);
  page.line('\nBinaryData\n====');
  for (const key of Object.keys(map.binaryData ?? {}).sort(compare)) page.line(`${key}: ${sizeOf(map.binaryData?.[key] ?? '')} bytes`);
  page.line('');
};

/** Values stay hidden, but the token of a service account. */
export const describeSecret = (page: Page, secret: Stored<Secret>): void => {
  head(page, secret);
  page.line('');
  page.field('Type', secret.type);
  page.line('\nData\n====');
  for (const key of Object.keys(secret.data ?? {}).sort(compare)) {
    const value = secret.data?.[key] ?? '';
    const isToken = key === 'token' && secret.type === 'kubernetes.io/service-account-token';
    page.field(key, isToken ? Buffer.from(value, 'base64').toString('utf8') : `${sizeOf(value)} bytes`);
  }
};

export const describeNamespace = async (page: Page, namespace: Stored<Namespace>, world: World): Promise<void> => {
  const { metadata, status } = namespace;
  head(page, namespace);
  page.field('Status', status?.phase);
  const conditions = status?.conditions ?? [];
  if (conditions.length) {
    page.line('Conditions:');
    page.table([
      ['Type', 'Status', 'LastTransitionTime', 'Reason', 'Message'],
      ['----', '------', '------------------', '------', '-------'],
      ...conditions.map((each) => [each.type, each.status, dateText(each.lastTransitionTime), each.reason ?? '', each.message ?? '']),
    ]);
  }
  const inside = { namespace: metadata.name ?? '' };
  page.line('');
  describeQuotas(page, await world.list<Stored<ResourceQuota> & KubeObject>('resourcequotas', inside));
  page.line('');
  describeLimits(page, await world.list<Stored<LimitRange> & KubeObject>('limitranges', inside));
};

const describeQuotas = (page: Page, quotas: readonly Stored<ResourceQuota>[]): void => {
  page.line(quotas.length ? 'Resource Quotas' : 'No resource quota.');
  for (const { metadata, spec, status } of quotas) {
    page.field('Name', metadata.name, 1);
    page.optional('Scopes', spec?.scopes?.toSorted(compare).join(', '), 1);
    page.table([
      ['Resource', 'Used', 'Hard'],
      ['--------', '---', '---'],
      ...Object.keys(status?.hard ?? {})
        .sort(compare)
        .map((name) => [name, String(status?.used?.[name] ?? '0'), String(status?.hard?.[name])]),
    ]);
  }
};

const describeLimits = (page: Page, ranges: readonly Stored<LimitRange>[]): void => {
  if (!ranges.length) {
    page.line('No LimitRange resource.');
    return;
  }
  page.line('Resource Limits');
  page.line(' Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio');
  page.line(' ----\t--------\t---\t---\t---------------\t-------------\t-----------------------');
  for (const { spec } of ranges)
    for (const { type, min, max, defaultRequest, default: standard, maxLimitRequestRatio } of spec?.limits ?? []) {
      const columns = [min, max, defaultRequest, standard, maxLimitRequestRatio];
      for (const name of new Set(columns.flatMap((column) => Object.keys(column ?? {}))))
        page.line(` ${[type, name, ...columns.map((column) => column?.[name] ?? '-')].join('\t')}`);
    }
};
