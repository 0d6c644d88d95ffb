import { Agent, type RequestOptions, request } from 'node:https';
import { urlAddress } from '../../base/net/url-address.ts';
import { serviceEndpoint } from '../subresources/proxy-target.ts';
import type { WatchCache } from '../watch/watch-cache.ts';

/** Where a webhook is, as configurations and definitions say it. */
export interface WebhookAddress {
  readonly service?: { readonly namespace: string; readonly name: string; readonly path?: string; readonly port?: number };
  readonly url?: string;
  /** PEM in base64. */
  readonly caBundle?: string;
}

/** Calls a webhook with JSON and answers with its JSON. Throws an Error with Go's words for what went wrong. */
export type WebhookClient = (address: WebhookAddress, body: unknown, options: { timeoutMs: number }) => Promise<unknown>;

const MOST_ANSWER_BYTES = 16 * 1024 * 1024;
const MOST_AGENTS = 256;
const HTTPS_PORT = 443;

/**
 * Services are reached at one of their ready endpoints: the API server needs no service proxy of its own. The certificate
 * must be for the name in the Host header, which is where node takes the server name from.
 */
export const createWebhookClient = (cache: WatchCache): WebhookClient => {
  /** Connections are kept for each server name and authority. */
  const agents = new Map<string, Agent>();
  const agentFor = (servername: string, caBundle: string): Agent => {
    const key = `${servername} ${caBundle}`;
    let agent = agents.get(key);
    if (!agent) {
      if (agents.size >= MOST_AGENTS) for (const [old, one] of agents) agents.delete(old) && one.destroy();
      const ca = caBundle ? { ca: Buffer.from(caBundle, 'base64') } : {};
      agent = new Agent({ keepAlive: true, maxFreeSockets: 4, timeout: 30_000, ...ca });
      agents.set(key, agent);
    }
    return agent;
  };

  return async (address, body, { timeoutMs }) => {
    const place = await placeOf(cache, address);
    const shown = `Post "${place.shown}${place.path.includes('?') ? '&' : '?'}timeout=${timeoutMs / 1000}s"`;
    const path = `${place.path}${place.path.includes('?') ? '&' : '?'}timeout=${timeoutMs / 1000}s`;
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const text = await post(
        { host: place.host, port: place.port, path, agent: agentFor(place.servername, address.caBundle ?? ''), signal },
        JSON.stringify(body),
        place.hostHeader,
      );
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new Error(`${shown}: ${signal.aborted ? 'context deadline exceeded' : (error as Error).message}`);
    }
  };
};

interface Place {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly servername: string;
  readonly hostHeader: string;
  readonly shown: string;
}

const placeOf = async (cache: WatchCache, { service, url }: WebhookAddress): Promise<Place> => {
  if (url) {
    const parsed = new URL(url);
    const { host, port } = urlAddress(parsed);
    return { host, port, path: `${parsed.pathname}${parsed.search}`, servername: host, hostHeader: parsed.host, shown: url };
  }
  if (!service) throw new Error('neither a service nor a url is named');
  const { namespace, name, port = HTTPS_PORT } = service;
  const path = service.path?.startsWith('/') ? service.path : `/${service.path ?? ''}`;
  const servername = `${name}.${namespace}.svc`;
  const shown = `https://${servername}:${port}${path}`;
  const found = await serviceEndpoint(cache, { namespace, name, port: String(port) }).catch((error: Error) => {
    throw new Error(`Post "${shown}": ${error.message}`);
  });
  return { ...found, path, servername, hostHeader: `${servername}:${port}`, shown };
};

const post = (options: RequestOptions, body: string, hostHeader: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = {
      host: hostHeader,
      'content-type': 'application/json',
      accept: 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'kube-apiserver-admission',
    };
    const outgoing = request({ ...options, method: 'POST', headers }, (answer) => {
      const parts: Buffer[] = [];
      let size = 0;
      answer.on('data', (part: Buffer) => {
        size += part.length;
        if (size > MOST_ANSWER_BYTES) outgoing.destroy(new Error('the answer is too large'));
        else parts.push(part);
      });
      answer.once('error', reject);
      answer.once('end', () => {
        const text = Buffer.concat(parts).toString();
        const code = answer.statusCode ?? 0;
        if (code >= 200 && code < 300) resolve(text);
        else
          reject(new Error(`the server responded with the status code ${code} but did not return more information: ${text.slice(0, 200)}`));
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
