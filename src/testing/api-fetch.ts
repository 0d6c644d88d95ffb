import { Agent, request } from 'node:https';
import { Readable } from 'node:stream';
import type { TestFetchInit } from './test-cluster.ts';

/** Statuses whose answers have no body, which Response insists on. */
const BODILESS = [101, 204, 205, 304];

export interface Identity {
  url: string;
  caPem: string;
  certPem: string;
  keyPem: string;
}

/** The platform's `fetch` takes neither an authority nor a client certificate: this one has both built in. */
export const createApiFetch = (
  identity: Identity,
): { fetch: (path: string, init?: TestFetchInit) => Promise<Response>; close: () => void } => {
  const agent = new Agent({ ca: identity.caPem, cert: identity.certPem, key: identity.keyPem, keepAlive: true });
  const fetch = (path: string, init: TestFetchInit = {}): Promise<Response> =>
    new Promise((resolve, reject) => {
      const options = {
        agent,
        method: init.method ?? 'GET',
        headers: { ...init.headers },
        ...(init.signal ? { signal: init.signal } : {}),
      };
      const asking = request(new URL(path, identity.url), options, (answer) => {
        const status = answer.statusCode ?? 0;
        const headers = new Headers();
        for (const [name, value] of Object.entries(answer.headers)) for (const each of [value ?? []].flat()) headers.append(name, each);
        const body = BODILESS.includes(status) || init.method === 'HEAD' ? null : (Readable.toWeb(answer) as ReadableStream);
        if (!body) answer.resume();
        resolve(new Response(body, { status, statusText: answer.statusMessage ?? '', headers }));
      });
      asking.once('error', reject);
      asking.end(init.body);
    });
  return { fetch, close: () => agent.destroy() };
};
