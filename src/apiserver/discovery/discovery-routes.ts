import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { aggregatedDiscovery, apiGroupDocument, apiGroupList, apiResourceList, apiVersions } from '../../api/discovery.ts';
import { openApiDocument, openApiIndex } from '../../api/openapi.ts';
import { openApiV2Document } from '../../api/openapi-v2.ts';
import type { Scheme } from '../../api/scheme.ts';
import { type AggregatedVersion, aggregatedGroup, withAggregatedGroups, withAggregatedItems } from '../aggregation/aggregated-discovery.ts';
import { isCustom } from '../custom/custom-kind.ts';
import { negotiate } from '../http/negotiate.ts';
import type { RequestContext, RouteHandler } from '../http/request-handler.ts';
import { VERSION } from './version.ts';

interface Document {
  readonly body: Buffer;
  readonly etag: string;
  packed: Buffer | undefined;
}

/** What there is to know about the API itself. Documents are made when first asked for and kept until the scheme changes. */
export class DiscoveryRoutes {
  readonly #scheme: () => Scheme;
  readonly #advertised: () => string;
  readonly #extensions: () => readonly AggregatedVersion[];
  #of: Scheme | undefined;
  readonly #documents = new Map<string, Document | null>();

  /** `advertised`: `host:port` for clients that ask where the API is; `extensions`: what other servers serve. */
  constructor(options: { scheme: () => Scheme; advertised: () => string; extensions: () => readonly AggregatedVersion[] }) {
    this.#scheme = options.scheme;
    this.#advertised = options.advertised;
    this.#extensions = options.extensions;
  }

  /** Documents are made anew: what extensions serve has changed. */
  forget(): void {
    this.#documents.clear();
  }

  route(path: string): RouteHandler | undefined {
    const trimmed = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
    if (trimmed !== '/api' && trimmed !== '/apis' && !/^\/(api|apis|openapi|version)(\/|$)/.test(trimmed) && trimmed !== '/')
      return undefined;
    const aggregate = trimmed === '/api' || trimmed === '/apis';
    if (!aggregate && !this.#document(trimmed, false)) return undefined;
    return (context) => {
      const wanted = negotiate(context.exchange.headers.accept);
      const aggregated = aggregate && wanted.as === 'APIGroupDiscoveryList';
      const document = this.#document(trimmed, aggregated);
      if (document) send(context, document, aggregated ? wanted.contentType : 'application/json');
    };
  }

  #document(path: string, aggregated: boolean): Document | undefined {
    const scheme = this.#scheme();
    if (this.#of !== scheme) {
      this.#documents.clear();
      this.#of = scheme;
    }
    const key = aggregated ? `${path}#aggregated` : path;
    let document = this.#documents.get(key);
    if (document === undefined) {
      const content = this.#content(scheme, path, aggregated);
      if (content === undefined) return undefined;
      const body = Buffer.from(JSON.stringify(content));
      document = { body, etag: `"${createHash('sha256').update(body).digest('hex').toUpperCase()}"`, packed: undefined };
      this.#documents.set(key, document);
    }
    return document ?? undefined;
  }

  #content(scheme: Scheme, path: string, aggregated: boolean): unknown {
    const { kinds } = scheme;
    const has = (group: string, version: string): boolean => kinds.some((kind) => kind.group === group && kind.version === version);
    if (path === '/version') return VERSION;
    if (path === '/') return { paths: this.#paths() };
    if (path === '/api') return aggregated ? aggregatedDiscovery(kinds, 'api') : apiVersions(this.#advertised());
    const extensions = this.#extensions();
    if (path === '/apis')
      return aggregated
        ? withAggregatedItems(aggregatedDiscovery(kinds, 'apis'), extensions)
        : withAggregatedGroups(apiGroupList(kinds), extensions);
    if (path === '/openapi/v3') return openApiIndex(kinds, (name) => this.#hashOf(scheme, name));
    if (path === '/openapi/v2') return openApiV2Document(kinds, customSchemas(kinds));
    const openapi = /^\/openapi\/v3\/(api|apis\/([^/]+))\/([^/]+)$/.exec(path);
    if (openapi) {
      const [, , group = '', version = ''] = openapi;
      return has(group, version) ? openApiDocument(kinds, group, version, customSchemas(kinds)) : undefined;
    }
    if (path === '/api/v1') return apiResourceList(kinds, '', 'v1');
    const [, , group = '', version, more] = path.split('/');
    if (!path.startsWith('/apis/') || group === '' || more !== undefined) return undefined;
    if (version === undefined) {
      const extension = aggregatedGroup(extensions, group);
      return apiGroupDocument(kinds, group) ?? (extension && { kind: 'APIGroup', apiVersion: 'v1', ...extension });
    }
    return has(group, version) ? apiResourceList(kinds, group, version) : undefined;
  }

  /** Made from what the document is made from: the document itself costs far more, and may never be asked for. */
  #hashOf(scheme: Scheme, name: string): string {
    const of = scheme.kinds.filter((kind) => (kind.group ? `apis/${kind.group}/${kind.version}` : `api/${kind.version}`) === name);
    const text = JSON.stringify([
      VERSION.gitVersion,
      of.map(({ kind, verbs, subresources }) => [kind, verbs, subresources]),
      of.map((kind) => isCustom(kind) && kind.schemaDocument),
    ]);
    return createHash('sha512').update(text).digest('hex').toUpperCase();
  }

  #paths(): string[] {
    const versions = new Set<string>();
    for (const { group, version } of this.#scheme().kinds)
      if (group !== '') versions.add(`/apis/${group}`).add(`/apis/${group}/${version}`);
    return [
      '/.well-known/openid-configuration',
      '/api',
      '/api/v1',
      '/apis',
      '/apis/',
      ...[...versions].sort(),
      '/healthz',
      '/livez',
      '/metrics',
      '/openapi/v2',
      '/openapi/v3',
      '/openid/v1/jwks',
      '/readyz',
      '/version',
    ];
  }
}

const customSchemas = (kinds: Scheme['kinds']): Record<string, Record<string, unknown>> => {
  const schemas: Record<string, Record<string, unknown>> = {};
  for (const kind of kinds)
    if (isCustom(kind) && kind.schemaDocument)
      schemas[`${kind.group}/${kind.version}.${kind.kind}`] = kind.schemaDocument as Record<string, unknown>;
  return schemas;
};

const PACK_FROM_BYTES = 16 * 1024;

const send = (context: RequestContext, document: Document, contentType: string): void => {
  const { exchange, headers } = context;
  headers['content-type'] = contentType;
  headers['etag'] = document.etag;
  headers['vary'] = 'Accept, Accept-Encoding';
  headers['cache-control'] = 'public';
  if (exchange.headers['if-none-match'] === document.etag) {
    context.code = 304;
    exchange.respond(304, headers);
    return;
  }
  const accepts = exchange.headers['accept-encoding'];
  if (document.body.length >= PACK_FROM_BYTES && typeof accepts === 'string' && accepts.includes('gzip')) {
    document.packed ??= gzipSync(document.body, { level: 5 });
    headers['content-encoding'] = 'gzip';
    exchange.respond(200, headers, document.packed);
    return;
  }
  exchange.respond(200, headers, document.body);
};
