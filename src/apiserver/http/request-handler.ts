import { randomUUID } from 'node:crypto';
import type { Kind } from '../../api/kind.ts';
import { badRequest, statusError } from '../../api/meta/status.ts';
import { decodeProtobuf } from '../../api/protobuf/protobuf-decode.ts';
import type { Scheme } from '../../api/scheme.ts';
import type { UserInfo } from '../../api/transport.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { AccessRequest, Decision } from '../auth/authorizer.ts';
import { forbiddenRequest } from '../auth/authorizer.ts';
import { impersonate } from '../auth/impersonation.ts';
import type { ApiCall, Query, RequestBody } from '../registry/call.ts';
import { type Dispatcher, isWrite, noSuchResource } from '../registry/dispatch.ts';
import type { AuditSink } from './audit.ts';
import { deadlineOf, within } from './deadline.ts';
import type { Exchange, Headers } from './exchange.ts';
import type { FlowControl } from './flow-control.ts';
import type { Metrics } from './metrics.ts';
import { acceptsPlain, negotiate, notAcceptable, PLAIN } from './negotiate.ts';
import { type RequestInfo, requestInfoOf } from './request-info.ts';
import { type ResponseOptions, sendAnswer, sendStatus, statusOf } from './respond.ts';
import { streamWatch } from './watch-stream.ts';

/** One request on its way through the stages. */
export interface RequestContext {
  readonly exchange: Exchange;
  readonly info: RequestInfo;
  readonly query: Query & { toString(): string; getAll(name: string): string[] };
  user: UserInfo;
  /** Of the answer. */
  readonly headers: Headers;
  readonly pretty: boolean;
  /** The answer's status, once it is known. */
  code: number;
  /** Gives the place in flow control back early: long-running requests count only while they begin. */
  leave: () => void;
}

/** Answers a path that is no resource, or a subresource whose answer is a stream of bytes. */
export type RouteHandler = (context: RequestContext) => Promise<void> | void;

export interface HandlerParts {
  readonly authenticator: Authenticator;
  readonly authorize: (request: AccessRequest) => Promise<Decision>;
  readonly flow: FlowControl;
  readonly dispatcher: Dispatcher;
  readonly scheme: () => Scheme;
  readonly metrics: Metrics;
  /** For paths that are no resources. */
  readonly route: (path: string) => RouteHandler | undefined;
  /** For paths that extension API servers answer. */
  readonly extension: (path: string) => RouteHandler | undefined | Promise<RouteHandler | undefined>;
  /** For `group/plural/subresource` that are proxied. */
  readonly streams: ReadonlyMap<string, RouteHandler>;
  /** Admission of streams and proxies. Throws what is to be answered. */
  readonly connect: (context: RequestContext, kind: Kind) => Promise<void>;
  readonly audit: AuditSink | undefined;
  readonly log: Logger;
  readonly now: () => number;
}

/** As upstream's: larger bodies get 413. */
export const BODY_LIMIT_BYTES = 3 * 1024 * 1024;

const EMPTY_QUERY = new URLSearchParams();
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const BODY_TYPES = new Set<string>(['application/json', 'application/yaml']);
const PATCH_TYPES = new Set<string>([
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
]);

/**
 * The stages of a request, in this order: authentication, audit, impersonation, flow control, authorization; then the dispatcher does
 * decoding, admission, validation and storage; the answer is encoded here.
 */
export class RequestHandler {
  readonly #parts: HandlerParts;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  async handle(exchange: Exchange): Promise<void> {
    const context = contextOf(exchange);
    const started = performance.now();
    try {
      await this.#stages(context);
    } catch (error) {
      this.#fail(context, error);
    } finally {
      context.leave();
      const { info } = context;
      this.#parts.metrics.observe({
        verb: info.verb,
        group: info.group,
        version: info.version,
        resource: info.resource,
        subresource: info.subresource,
        code: context.code,
        seconds: (performance.now() - started) / 1000,
      });
      this.#parts.audit?.({ stage: 'ResponseComplete', context, started });
    }
  }

  /** Authentication to authorization, also for upgrades. Throws what is to be answered. */
  async admit(context: RequestContext): Promise<void> {
    const { authenticator, flow, authorize, audit } = this.#parts;
    const { exchange, info } = context;
    const user = authenticator.authenticate(exchange.socket, exchange.headers);
    context.user = user instanceof Promise ? await user : user;
    audit?.({ stage: 'RequestReceived', context, started: 0 });
    if (exchange.headers['impersonate-user'] !== undefined || hasImpersonation(exchange.headers))
      context.user = await impersonate(context.user, exchange.headers, authorize);
    const place = flow.enter(context.user, isWrite(info.verb));
    if (place) context.leave = once(place instanceof Promise ? await place : place);
    const request = accessRequestOf(context.user, info, context.query);
    const decision = await authorize(request);
    if (!decision.allowed) throw forbiddenRequest(request, decision.reason);
  }

  /** Throws 403 unless the user may also create what a GET is about to open. */
  async mayAlsoCreate(context: RequestContext): Promise<void> {
    const request = { ...accessRequestOf(context.user, context.info, context.query), verb: 'create' };
    const decision = await this.#parts.authorize(request);
    if (!decision.allowed) throw forbiddenRequest(request, decision.reason);
  }

  /** Admission of what is about to be opened. Throws what is to be answered. */
  connect(context: RequestContext, kind: Kind): Promise<void> {
    return this.#parts.connect(context, kind);
  }

  async #stages(context: RequestContext): Promise<void> {
    await this.admit(context);
    const { info, exchange } = context;
    const found = this.#parts.extension(info.path);
    const extension = found instanceof Promise ? await found : found;
    if (extension) {
      context.leave();
      await extension(context);
      return;
    }
    if (!info.isResource) {
      // Refused here too when it is no duration; what these routes answer is at hand.
      deadlineOf(context.query.get('timeout'));
      const route = this.#parts.route(info.path);
      if (!route) {
        context.code = 404;
        context.headers['content-type'] = 'text/plain; charset=utf-8';
        exchange.respond(404, context.headers, '404 page not found\n');
        return;
      }
      context.code = 200;
      await route(context);
      return;
    }
    const kind = this.kindOf(info);
    if (!kind) {
      if (this.#parts.scheme().kinds.some((one) => one.group === info.group && one.version === info.version)) throw noSuchResource();
      context.code = 404;
      context.headers['content-type'] = 'text/plain; charset=utf-8';
      exchange.respond(404, context.headers, '404 page not found\n');
      return;
    }
    const stream = info.subresource ? this.#parts.streams.get(`${kind.group}/${kind.plural}/${info.subresource}`) : undefined;
    if (stream) {
      context.leave();
      await this.connect(context, kind);
      context.code = 200;
      await stream(context);
      return;
    }
    await this.#answer(context, kind);
  }

  kindOf(info: RequestInfo): Kind | undefined {
    const kind = this.#parts.scheme().byResource(info.group, info.version, info.resource);
    if (kind && !kind.namespaced && info.namespace !== '' && info.resource !== 'namespaces') throw noSuchResource();
    return kind;
  }

  async #answer(context: RequestContext, kind: Kind): Promise<void> {
    const { exchange, info, query, headers } = context;
    // Reviews and the like are answers to one question: they have no rows.
    const isPlain = !kind.verbs.includes('get') && !info.subresource;
    const asked = negotiate(exchange.headers.accept);
    if (isPlain && asked.as !== '' && !acceptsPlain(exchange.headers.accept)) throw notAcceptable();
    const wanted = isPlain && asked.as !== '' ? PLAIN : asked;
    const timeoutMs = deadlineOf(query.get('timeout'));
    const body = isWrite(info.verb) ? await readBody(exchange, info.verb) : NO_BODY;
    const call: ApiCall = {
      info,
      kind,
      user: context.user,
      query,
      body,
      userAgent: exchange.headers['user-agent'] ?? '',
      warnings: [],
    };
    let answer: Awaited<ReturnType<Dispatcher['dispatch']>>;
    try {
      const work = this.#parts.dispatcher.dispatch(call);
      answer = await (info.verb === 'watch' ? work : within(work, timeoutMs));
    } finally {
      if (call.warnings.length) headers['warning'] = warningHeaders(call.warnings);
    }
    const options: ResponseOptions = {
      exchange,
      wanted,
      headers,
      pretty: context.pretty,
      includeObject: includeObjectOf(query.get('includeObject')),
      now: this.#parts.now(),
    };
    if (answer.type === 'watch') {
      context.leave();
      context.code = 200;
      this.#parts.metrics.watcher(kind.plural, 1);
      try {
        await streamWatch(answer, options);
      } finally {
        this.#parts.metrics.watcher(kind.plural, -1);
      }
      return;
    }
    context.code = await sendAnswer(answer, options);
  }

  #fail(context: RequestContext, error: unknown): void {
    const { exchange } = context;
    const status = statusOf(error);
    context.code = status.code ?? 500;
    if (exchange.closed) return;
    if (context.code === 500) this.#parts.log.error('request failed', { path: context.info.path, verb: context.info.verb, error });
    if (exchange.started) {
      exchange.abort();
      return;
    }
    sendStatus(exchange, status, context.headers, context.pretty);
  }
}

export const contextOf = (exchange: Exchange): RequestContext => {
  const { url } = exchange;
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? EMPTY_QUERY : new URLSearchParams(url.slice(mark + 1));
  const auditId = exchange.headers['audit-id'];
  return {
    exchange,
    info: requestInfoOf(exchange.method, path, query),
    query,
    user: NOBODY,
    headers: {
      'audit-id': typeof auditId === 'string' && auditId.length <= 128 ? auditId : randomUUID(),
      'cache-control': 'no-cache, private',
    },
    pretty: wantsPretty(query, exchange),
    code: 0,
    leave: nothing,
  };
};

const NOBODY: UserInfo = Object.freeze({ name: '', groups: [] });
const NO_BODY: RequestBody = Object.freeze({ contentType: '' });
const nothing = (): void => {};

const once = (leave: () => void): (() => void) => {
  let left = false;
  return () => {
    if (left) return;
    left = true;
    leave();
  };
};

const hasImpersonation = (headers: Exchange['headers']): boolean => {
  for (const name in headers) if (name.startsWith('impersonate-')) return true;
  return false;
};

/** People who look with curl or a browser get indented JSON, as upstream gives them. */
const wantsPretty = (query: Query, exchange: Exchange): boolean => {
  const asked = query.get('pretty');
  if (asked !== null) return asked !== 'false' && asked !== '0';
  const agent = exchange.headers['user-agent'];
  return agent !== undefined && /^(curl|Wget|Mozilla\/5\.0)/.test(agent);
};

export const accessRequestOf = (user: UserInfo, info: RequestInfo, query: Query): AccessRequest => ({
  user,
  verb: info.verb,
  group: info.group,
  version: info.version,
  resource: info.resource,
  subresource: info.subresource,
  namespace: info.namespace,
  name: info.name,
  path: info.isResource ? '' : info.path,
  ...(info.verb === 'list' || info.verb === 'watch' ? { fieldSelector: query.get('fieldSelector') ?? '' } : {}),
});

const includeObjectOf = (value: string | null): ResponseOptions['includeObject'] => {
  if (value === null || value === '') return 'Metadata';
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value;
  throw badRequest(`unrecognized includeObject value ${JSON.stringify(value)}`);
};

const readBody = async (exchange: Exchange, verb: string): Promise<RequestBody> => {
  const bytes = await exchange.readBody(BODY_LIMIT_BYTES);
  const declared = exchange.headers['content-type'];
  const contentType = (declared?.split(';', 1)[0]?.trim() || 'application/json') as RequestBody['contentType'];
  if (verb === 'patch') {
    if (!PATCH_TYPES.has(contentType)) throw statusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  } else if (bytes.length > 0 && contentType !== (PROTOBUF as string) && !BODY_TYPES.has(contentType)) throw unsupportedBody();
  if (contentType === (PROTOBUF as string)) return { contentType: 'application/json', value: decodeProtobuf(bytes) };
  if (bytes.length === 0 && (verb === 'delete' || verb === 'deletecollection')) return NO_BODY;
  return { contentType, text: bytes.toString('utf8') };
};

const unsupportedBody = () =>
  statusError(
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  );

const MOST_WARNING_BYTES = 4096;

/** `299 - "text"` for each, within what a header may hold. */
const warningHeaders = (lines: readonly string[]): string[] => {
  const headers: string[] = [];
  let size = 0;
  for (const line of new Set(lines)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a header may not hold them.
    const text = line.replace(/[\u0000-\u001f\u007f-\uffff]/g, ' ').replace(/(["\\])/g, '\\$1');
    size += text.length;
    if (size > MOST_WARNING_BYTES) break;
    headers.push(`299 - "${text}"`);
  }
  return headers;
};
