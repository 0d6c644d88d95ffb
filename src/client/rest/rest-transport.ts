import { readFileSync, statSync } from 'node:fs';
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import type { Readable } from 'node:stream';
import { type Status, StatusError, statusError } from '../../api/meta/status.ts';
import type { ApiEvent, ApiRequest, ApiResponse, Transport } from '../../api/transport.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { type Credentials, Http2Connection, NotSentError } from './http2-connection.ts';
import { linesOf } from './lines.ts';
import { ServerList } from './server-list.ts';

export interface RestTransportOptions {
  /** `https://10.1.2.3:6443`; several are tried in turn. */
  servers: readonly string[];
  /** PEM. */
  ca?: string | Buffer | undefined;
  cert?: string | Buffer | undefined;
  key?: string | Buffer | undefined;
  token?: string | undefined;
  /** Read again when it changes: tokens of service accounts rotate. Stands above `token`. */
  tokenFile?: string | undefined;
  serverName?: string | undefined;
  insecureSkipTlsVerify?: boolean | undefined;
  /** `Impersonate-User`, `Impersonate-Group`. */
  impersonate?: { user: string; groups?: readonly string[] } | undefined;
  userAgent?: string | undefined;
  connectTimeoutMs?: number | undefined;
  pingIntervalMs?: number | undefined;
  now?: (() => number) | undefined;
  /** Called when none of the servers could be reached. */
  onUnreachable?: (() => void) | undefined;
}

export interface RestTransport extends Transport {
  /** The answer's body as it comes: for `logs --follow`. Rejects as `send`; the stream ends when `signal` aborts. */
  stream(request: ApiRequest): Promise<Readable>;
  /** New connections show these credentials; requests and watches under way are not disturbed. */
  renew(credentials: Credentials): void;
  /** Other servers for requests from now on, the likeliest first. */
  setServers(urls: readonly string[]): void;
}

/** An answer whose headers are there and whose body is still to be read. */
interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  stream: ClientHttp2Stream;
}

/**
 * The API over HTTP/2: one session per server. A request that was surely not executed is tried on the next server, and reads
 * are tried again also after a broken connection; a write whose fate is unknown is the caller's to judge.
 */
export const createRestTransport = (options: RestTransportOptions): RestTransport => {
  const servers = new ServerList(options.servers, options.now ?? Date.now);
  const settings = {
    ...options,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    pingIntervalMs: options.pingIntervalMs ?? 15_000,
  };
  const connections = new Map<string, Http2Connection>();
  const connectionTo = (url: string): Http2Connection => {
    const connection = connections.get(url) ?? new Http2Connection(url, settings);
    connections.set(url, connection);
    return connection;
  };
  const bearer = tokenSource(options);
  let closed = false;

  const ask = async (request: ApiRequest): Promise<Answer> => {
    if (closed) throw new SlipwayError('CONNECTION_REFUSED', { tried: 'send a request', cause: 'the client is closed' });
    const headers = { ...headersOf(request, options), ...bearer() };
    let last: unknown;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const url of servers.inOrder()) {
        request.signal?.throwIfAborted();
        try {
          const answer = await askServer(connectionTo(url), headers, request);
          servers.answered(url);
          return answer;
        } catch (error) {
          if (request.signal?.aborted) throw error;
          last = { url, error };
          // A session that the server closed while idle fails once and works when opened again: that is no failed server.
          if (round > 0 || !(error instanceof NotSentError)) servers.failed(url);
          if (!(error instanceof NotSentError) && request.method !== 'GET') throw unreachable(options.servers, last);
        }
      }
    }
    options.onUnreachable?.();
    throw unreachable(servers.inOrder(), last);
  };

  const askPatiently = async (request: ApiRequest): Promise<Answer> => {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await ask(request);
      if (answer.status < 400) return answer;
      const error = errorOf(answer.status, await textOf(answer.stream));
      const waitSeconds = retryAfterSeconds(answer);
      // The server did nothing and names the time to come back.
      if (answer.status !== 429 || waitSeconds === undefined || attempt >= 5) throw error;
      await pause(Math.min(waitSeconds, 5) * 1000, request.signal);
    }
  };

  return {
    async send(request) {
      const answer = await askPatiently(request);
      return { status: answer.status, body: await bodyOf(answer), warnings: warningsOf(answer.headers) } satisfies ApiResponse;
    },
    async *watch(request) {
      const answer = await askPatiently({ ...request, query: { ...request.query, watch: 'true' } });
      try {
        for await (const line of linesOf(answer.stream)) yield eventOf(line);
      } catch (error) {
        if (error instanceof StatusError) throw error;
        if (request.signal?.aborted) return;
        throw unreachable(options.servers, { url: '', error });
      } finally {
        answer.stream.close(constants.NGHTTP2_CANCEL);
      }
    },
    async stream(request) {
      return (await askPatiently(request)).stream;
    },
    renew(credentials) {
      Object.assign(settings, credentials);
      for (const connection of connections.values()) connection.renew(credentials);
    },
    setServers(urls) {
      servers.replace(urls);
      const stay = new Set(servers.inOrder());
      for (const [url, connection] of connections)
        if (!stay.has(url)) {
          connections.delete(url);
          void connection.close();
        }
    },
    async close() {
      closed = true;
      await Promise.all([...connections.values()].map((connection) => connection.close()));
    },
  };
};

/** Once for a session that turned out to be closed, once more for good. */
const ROUNDS = 2;

const askServer = async (connection: Http2Connection, headers: OutgoingHttpHeaders, request: ApiRequest): Promise<Answer> => {
  const hasBody = request.body !== undefined;
  const stream = await connection.request(headers, { endStream: !hasBody, signal: request.signal });
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  stream.once('response', (answer) => resolve({ status: Number(answer[':status']), headers: answer, stream }));
  stream.once('error', (error) => reject(stream.rstCode === constants.NGHTTP2_REFUSED_STREAM ? new NotSentError(error.message) : error));
  stream.once('close', () =>
    reject(
      stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
        ? new NotSentError('the server refused the stream')
        : new Error('the connection was closed before the answer'),
    ),
  );
  if (hasBody) stream.end(JSON.stringify(request.body));
  return promise;
};

const headersOf = (request: ApiRequest, options: RestTransportOptions): OutgoingHttpHeaders => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) if (value !== undefined) query.set(name, value);
  const text = query.toString();
  return {
    ':method': request.method,
    ':path': text ? `${request.path}?${text}` : request.path,
    accept: request.accept ?? 'application/json',
    'user-agent': options.userAgent ?? 'slipway',
    ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
    ...(options.impersonate ? { 'impersonate-user': options.impersonate.user } : {}),
    ...(options.impersonate?.groups ? { 'impersonate-group': [...options.impersonate.groups] } : {}),
  };
};

/** A file is looked at again at most once a second, and read when it changed. */
const tokenSource = (options: RestTransportOptions): (() => OutgoingHttpHeaders) => {
  const { token, tokenFile, now = Date.now } = options;
  if (!tokenFile) return () => (token ? { authorization: `Bearer ${token}` } : {});
  let lookedAt = Number.NEGATIVE_INFINITY;
  let changedAt = -1;
  let current = '';
  return () => {
    if (now() - lookedAt > 1000) {
      lookedAt = now();
      const { mtimeMs } = statSync(tokenFile);
      if (mtimeMs !== changedAt) current = readFileSync(tokenFile, 'utf8').trim();
      changedAt = mtimeMs;
    }
    return { authorization: `Bearer ${current}` };
  };
};

const textOf = async (stream: ClientHttp2Stream): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

const bodyOf = async (answer: Answer): Promise<unknown> => {
  const text = await textOf(answer.stream);
  const isJson = /[/+]json\b/.test(String(answer.headers['content-type'] ?? ''));
  return isJson && text ? JSON.parse(text) : text;
};

const eventOf = (line: string): ApiEvent => {
  const event = JSON.parse(line) as { type: string; object: unknown };
  if (event.type === 'ERROR') throw new StatusError(event.object as Status);
  return event as ApiEvent;
};

const errorOf = (code: number, text: string): StatusError => {
  try {
    const body = JSON.parse(text) as Status;
    if (body.kind === 'Status') return new StatusError({ ...body, code: body.code ?? code });
  } catch {
    // Not a Status: a proxy or an old server answered in its own words, which become the message.
  }
  const reason =
    code === 401 ? 'Unauthorized' : code === 403 ? 'Forbidden' : code === 404 ? 'NotFound' : code === 503 ? 'ServiceUnavailable' : '';
  return statusError(code, reason, text.trim().slice(0, 2000) || `the server answered with status ${code}`);
};

const retryAfterSeconds = (answer: Answer): number | undefined => {
  const value = Number(answer.headers['retry-after']);
  return answer.headers['retry-after'] !== undefined && Number.isFinite(value) && value >= 0 ? value : undefined;
};

/** `299 - "text"` -> text. */
const warningsOf = (headers: IncomingHttpHeaders): string[] => {
  const value = headers['warning'] as string | string[] | undefined;
  if (value === undefined) return [];
  const joined = Array.isArray(value) ? value.join(', ') : value;
  return [...joined.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map((match) => (match[1] as string).replace(/\\(.)/g, '$1'));
};

const unreachable = (servers: readonly string[], last: unknown): SlipwayError => {
  const { url, error } = last as { url: string; error: Error };
  const address = url || servers.join(', ');
  return new SlipwayError('CONNECTION_REFUSED', { tried: `reach the API server at ${address}`, cause: error });
};

const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
