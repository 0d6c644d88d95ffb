import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { Duplex, Transform } from 'node:stream';
import { pipeline } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { statusError } from '../../api/meta/status.ts';
import type { Logger } from '../../base/log/logger.ts';
import { pipeBoth } from '../../base/streams/pipe-both.ts';
import type { Headers, UpgradeExchange } from '../http/exchange.ts';
import type { RequestContext, RouteHandler } from '../http/request-handler.ts';
import type { WatchCache } from '../watch/watch-cache.ts';
import { rewriteLinks, rewriteUrl } from './link-rewriter.ts';
import { createTargets, type ProxyTarget } from './proxy-target.ts';
import { sendOverWebSocket } from './web-socket-log.ts';

export interface AgentProxyOptions {
  readonly cache: WatchCache;
  readonly log: Logger;
  readonly pki: AgentProxyPki;
}

export interface AgentProxyPki {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export interface AgentProxy {
  /** Plain requests, by `group/plural/subresource`. */
  readonly streams: ReadonlyMap<string, RouteHandler>;
  /** Requests with an `Upgrade` header: `socket` becomes a pipe to the target once that has agreed. */
  upgrade(context: RequestContext, key: string, client: UpgradeExchange): Promise<void>;
  has(key: string): boolean;
  /** What agents are shown from now on. */
  renew(pki: AgentProxyPki): void;
}

/** Headers of one hop, and those that say who the client is: they end here. */
const NOT_FORWARDED = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'proxy-connection',
  'authorization',
  'host',
]);
const CONNECT_MS = 30_000;
/** These have a plain answer, which is sent as messages to who asks for a WebSocket. */
const PLAIN: ReadonlySet<string> = new Set(['/pods/log']);

/** Byte proxies to agents, pods and services: the request goes on as it came, and so does the answer. */
export const createAgentProxy = ({ cache, log, pki }: AgentProxyOptions): AgentProxy => {
  const targets = createTargets(cache);
  const agentFor = ({ caPem, certPem, keyPem }: AgentProxyPki): Agent =>
    new Agent({ ca: caPem, cert: certPem, key: keyPem, keepAlive: false });
  let agents = agentFor(pki);
  const strangers = new Agent({ rejectUnauthorized: false, keepAlive: false });

  const dial = (target: ProxyTarget, method: string, headers: Headers): ClientRequest => {
    const options: RequestOptions = {
      host: target.host,
      port: target.port,
      path: target.path,
      method,
      headers: headers as Record<string, string>,
    };
    if (target.how === 'http') return httpRequest(options);
    return httpsRequest({ ...options, agent: target.how === 'agent' ? agents : strangers });
  };

  const stream =
    (key: string): RouteHandler =>
    async (context) => {
      const { exchange, info } = context;
      const target = await (targets[key] as (typeof targets)[string])(context);
      if (target.empty) {
        context.headers['content-type'] = 'text/plain';
        exchange.respond(200, context.headers, '');
        return;
      }
      const isProxy = info.subresource === 'proxy';
      if (isProxy && info.tail === '' && (exchange.method === 'GET' || exchange.method === 'HEAD')) {
        // Without the slash, relative links of the answer would lead past the application.
        const [, query] = exchange.url.split('?', 2);
        context.code = 301;
        exchange.respond(301, { ...context.headers, location: `${info.path}/${query ? `?${query}` : ''}` }, '');
        return;
      }
      const outgoing = dial(target, exchange.method, forwarded(exchange.headers, target));
      if (isProxy) outgoing.setHeader('x-forwarded-uri', info.path);
      const answer = await answerOf(outgoing, () => exchange.bodyStream().pipe(outgoing)).catch((error: unknown) => {
        throw unreachable(target, info.subresource, error);
      });
      exchange.onClose(() => outgoing.destroy());
      context.code = answer.statusCode ?? 502;
      const headers: Headers = { ...answerHeaders(answer), 'audit-id': context.headers['audit-id'] ?? '' };
      const steps = isProxy ? seenFromOutside(headers, context, target) : [];
      const out = exchange.beginStream(context.code, headers);
      await new Promise<void>((resolve) => pipeline([answer, ...steps, out], () => resolve()));
    };

  return {
    streams: new Map(Object.keys(targets).map((key) => [key, stream(key)])),
    has: (key) => Object.hasOwn(targets, key),
    renew: (renewed) => {
      agents = agentFor(renewed);
    },
    async upgrade(context, key, client) {
      const { exchange, info } = context;
      const target = await (targets[key] as (typeof targets)[string])(context);
      const headers = forwarded(exchange.headers, target);
      if (PLAIN.has(key)) {
        for (const name of Object.keys(headers)) if (name.startsWith('sec-websocket-')) delete headers[name];
        const plain = dial(target, exchange.method, headers);
        const answer = await answerOf(plain, () => plain.end()).catch((error: unknown) => {
          throw unreachable(target, info.subresource, error);
        });
        if (answer.statusCode === 200 && exchange.headers.upgrade?.toLowerCase() === 'websocket') {
          context.code = 101;
          await sendOverWebSocket(client, answer);
        } else await refuse(context, client.socket, answer);
        return;
      }
      headers['connection'] = 'Upgrade';
      headers['upgrade'] = exchange.headers.upgrade ?? '';
      const outgoing = dial(target, exchange.method, headers);
      const agreed = await upgradeOf(outgoing).catch((error: unknown) => {
        throw unreachable(target, info.subresource, error);
      });
      if ('refused' in agreed) {
        await refuse(context, client.socket, agreed.refused);
        return;
      }
      context.code = 101;
      client.socket.write(headText(101, 'Switching Protocols', agreed.headers));
      if (agreed.head.length) client.socket.write(agreed.head);
      if (client.head.length) agreed.socket.write(client.head);
      await pipeBoth(client.socket, agreed.socket);
      log.debug('stream over', { path: info.path });
    },
  };
};

/**
 * An application's links and redirects lead to where the client finds them, and its word on other origins is not ours. Changes
 * `headers`; answers what the body has to go through.
 */
const seenFromOutside = (headers: Headers, { exchange, info }: RequestContext, target: ProxyTarget): Transform[] => {
  for (const name of Object.keys(headers)) if (name.startsWith('access-control-allow-')) delete headers[name];
  const prefix = info.path.slice(0, info.path.length - info.tail.length);
  const called = exchange.headers[':authority'] ?? exchange.headers.host;
  const hosts = [`${target.host}:${target.port}`, ...(typeof called === 'string' ? [called] : [])];
  if (typeof headers['location'] === 'string') headers['location'] = rewriteUrl(headers['location'], { prefix, hosts });
  const isHtml = /^text\/html\b/i.test(String(headers['content-type'] ?? ''));
  const encoding = String(headers['content-encoding'] ?? 'identity');
  if (!isHtml || exchange.method === 'HEAD' || (encoding !== 'identity' && encoding !== 'gzip')) return [];
  delete headers['content-length'];
  const links = rewriteLinks({ prefix, hosts });
  return encoding === 'gzip' ? [createGunzip(), links, createGzip()] : [links];
};

/** The target does not change protocols: its answer is the client's. */
const refuse = async (context: RequestContext, socket: Duplex, answer: IncomingMessage): Promise<void> => {
  context.code = answer.statusCode ?? 502;
  socket.write(headText(context.code, answer.statusMessage ?? '', { ...answerHeaders(answer), connection: 'close' }));
  await new Promise<void>((resolve) => pipeline(answer, socket, () => resolve()));
};

export const forwarded = (headers: RequestContext['exchange']['headers'], target: Pick<ProxyTarget, 'host' | 'port'>): Headers => {
  const result: Headers = {};
  for (const [name, value] of Object.entries(headers)) {
    if (
      value === undefined ||
      name.startsWith(':') ||
      name.startsWith('impersonate-') ||
      name.startsWith('x-remote-') ||
      NOT_FORWARDED.has(name)
    )
      continue;
    result[name] = value;
  }
  // A bearer's token may travel as a sub-protocol: it is for us alone.
  const protocols = result['sec-websocket-protocol'];
  if (typeof protocols === 'string')
    result['sec-websocket-protocol'] = protocols
      .split(',')
      .filter((one) => !one.trim().startsWith('base64url.bearer.authorization.k8s.io.'))
      .join(',');
  result['host'] = target.host.includes(':') ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
  return result;
};

export const answerHeaders = (answer: IncomingMessage): Headers => {
  const headers: Headers = {};
  for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined && !NOT_FORWARDED.has(name)) headers[name] = value;
  return headers;
};

export const answerOf = (outgoing: ClientRequest, send: () => void): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    guardConnect(outgoing);
    send();
  });

type Agreed = { socket: Duplex; head: Buffer; headers: Headers } | { refused: IncomingMessage };

const upgradeOf = (outgoing: ClientRequest): Promise<Agreed> =>
  new Promise((resolve, reject) => {
    outgoing.once('upgrade', (answer: IncomingMessage, socket: Duplex, head: Buffer) => {
      const headers: Headers = {};
      for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined) headers[name] = value;
      resolve({ socket, head, headers });
    });
    outgoing.once('response', (answer: IncomingMessage) => resolve({ refused: answer }));
    outgoing.once('error', reject);
    guardConnect(outgoing);
    outgoing.end();
  });

/** Only connecting is bounded: a stream may then be silent for as long as it likes. */
const guardConnect = (outgoing: ClientRequest): void => {
  const timer = setTimeout(() => outgoing.destroy(new Error('i/o timeout')), CONNECT_MS);
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) clearTimeout(timer);
    else socket.once('connect', () => clearTimeout(timer));
  });
  outgoing.once('close', () => clearTimeout(timer));
};

const headText = (code: number, message: string, headers: Headers): string => {
  const lines = [`HTTP/1.1 ${code} ${message}`];
  for (const [name, value] of Object.entries(headers))
    for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${one}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
};

const unreachable = (target: ProxyTarget, subresource: string, error: unknown) => {
  const cause = error instanceof Error ? error.message : String(error);
  const where = `${target.host}:${target.port}`;
  return subresource === 'proxy'
    ? statusError(503, 'ServiceUnavailable', `error trying to reach service: dial tcp ${where}: ${cause}`)
    : statusError(500, 'InternalError', `Get "https://${where}${target.path}": dial tcp ${where}: ${cause}`);
};
