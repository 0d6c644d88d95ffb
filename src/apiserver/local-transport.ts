import type { KubeObject } from '../api/meta/object.ts';
import { apiVersionOf } from '../api/meta/object.ts';
import { StatusError, statusError } from '../api/meta/status.ts';
import type { Scheme } from '../api/scheme.ts';
import type { ApiEvent, ApiRequest, ApiResponse, Transport, UserInfo } from '../api/transport.ts';
import { type AccessRequest, type Decision, forbiddenRequest } from './auth/authorizer.ts';
import { accessRequestOf } from './http/request-handler.ts';
import { requestInfoOf } from './http/request-info.ts';
import { statusOf } from './http/respond.ts';
import type { Answer, ApiCall, Query, WatchAnswer } from './registry/call.ts';
import { type Dispatcher, noSuchResource } from './registry/dispatch.ts';
import { needsConversion, presented } from './registry/registry.ts';

export interface LocalTransportParts {
  readonly dispatcher: Dispatcher;
  readonly scheme: () => Scheme;
  readonly authorize: (request: AccessRequest) => Promise<Decision>;
}

/**
 * The road inside the process: the same stages as over HTTPS but authentication, encoding and decoding of text. What it hands out is
 * frozen and shared with the watch cache.
 */
export const createLocalTransport = (user: UserInfo, parts: LocalTransportParts): Transport => {
  const begin = async (request: ApiRequest, watch: boolean): Promise<{ answer: Answer; warnings: string[] }> => {
    request.signal?.throwIfAborted();
    const query = queryOf(request, watch);
    const info = requestInfoOf(request.method, request.path, query);
    if (!info.isResource) throw noSuchResource();
    const access = accessRequestOf(user, info, query);
    const decision = await parts.authorize(access);
    if (!decision.allowed) throw forbiddenRequest(access, decision.reason);
    const kind = parts.scheme().byResource(info.group, info.version, info.resource);
    if (!kind) throw noSuchResource();
    const call: ApiCall = {
      info,
      kind,
      user,
      query,
      body:
        request.body === undefined ? { contentType: '' } : { contentType: request.contentType ?? 'application/json', value: request.body },
      userAgent: user.name.split(':').at(-1) ?? '',
      warnings: [],
    };
    return { answer: await parts.dispatcher.dispatch(call), warnings: call.warnings };
  };

  return {
    async send(request): Promise<ApiResponse> {
      try {
        const { answer, warnings } = await begin(request, false);
        return { status: answer.type === 'list' || answer.type === 'watch' ? 200 : answer.code, body: bodyOf(answer), warnings };
      } catch (error) {
        throw error instanceof StatusError ? error : new StatusError(statusOf(error));
      }
    },
    async *watch(request): AsyncIterable<ApiEvent> {
      const { answer } = await begin(request, true);
      if (answer.type !== 'watch') throw statusError(500, 'InternalError', 'not a watch');
      yield* eventsOf(answer, request.signal);
    },
    async close() {
      // Nothing is held open between calls.
    },
  };
};

const bodyOf = (answer: Answer): unknown => {
  switch (answer.type) {
    case 'item':
      return presented(answer.kind, answer.item);
    case 'object':
      return answer.object;
    case 'list':
      return {
        kind: `${answer.kind.kind}List`,
        apiVersion: apiVersionOf(answer.kind),
        metadata: { resourceVersion: answer.resourceVersion, ...(answer.continue ? { continue: answer.continue } : {}) },
        items: answer.items.map((item) => presented(answer.kind, item)),
      };
    case 'watch':
      return undefined;
  }
};

async function* eventsOf({ cursor, kind, timeoutMs }: WatchAnswer, signal: AbortSignal | undefined): AsyncIterable<ApiEvent> {
  const ended = new AbortController();
  const abort = (): void => ended.abort();
  signal?.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(abort, Math.min(timeoutMs, 2 ** 31 - 1));
  timer.unref();
  const convert = needsConversion(kind);
  try {
    for await (const batch of cursor.batches(ended.signal))
      for (const event of batch) {
        const object: KubeObject = convert ? presented(kind, event.item) : event.item.object;
        yield { type: event.type, object };
      }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    cursor.close();
  }
}

const queryOf = (request: ApiRequest, watch: boolean): Query => {
  const query = request.query;
  return {
    get: (name) => (name === 'watch' ? (watch ? 'true' : null) : (query?.[name] ?? null)),
  };
};
