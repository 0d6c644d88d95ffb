import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { tokenReview } from '../../api/authentication/token-review.ts';
import { subjectAccessReview } from '../../api/authorization/subject-access-review.ts';
import type { UserInfo } from '../../api/transport.ts';
import type { TokenReview } from '../../api/types/authentication-v1.ts';
import type { SubjectAccessReview } from '../../api/types/authorization-v1.ts';
import type { Client } from '../../client/client.ts';

/** The identity that API servers show to agents. */
const API_SERVER = 'kube-apiserver-kubelet-client';
const MASTERS = 'system:masters';
const CACHE_MS = 10_000;
const MAX_CACHED = 500;

export type Verdict = 'allowed' | 'forbidden' | 'unauthenticated';

/**
 * Who may use the kubelet API: the API server and administrators by their certificates; everyone else is asked about at the
 * API server (TokenReview, SubjectAccessReview of `nodes/log`, `nodes/metrics`, `nodes/stats`, `nodes/proxy`).
 */
export class Authorizer {
  readonly #client: Client;
  readonly #nodeName: string;
  readonly #now: () => number;
  readonly #cache = new Map<string, { until: number; value: Promise<unknown> }>();

  constructor(options: { client: Client; nodeName: string; now: () => number }) {
    this.#client = options.client;
    this.#nodeName = options.nodeName;
    this.#now = options.now;
  }

  async check(request: IncomingMessage): Promise<Verdict> {
    const user = (await this.#byCertificate(request)) ?? (await this.#byToken(request));
    if (!user) return 'unauthenticated';
    if (user.name === API_SERVER || user.groups.includes(MASTERS)) return 'allowed';
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const verb = { GET: 'get', HEAD: 'get', POST: 'create', PUT: 'update', DELETE: 'delete' }[request.method ?? ''] ?? 'get';
    return (await this.#mayDo(user, verb, subresourceOf(path))) ? 'allowed' : 'forbidden';
  }

  async #byCertificate(request: IncomingMessage): Promise<UserInfo | undefined> {
    const socket = request.socket as TLSSocket;
    if (!socket.authorized) return undefined;
    const { subject, valid_to: validTo } = socket.getPeerCertificate();
    // A connection may outlive its certificate.
    if (!subject?.CN || Date.parse(validTo) < this.#now()) return undefined;
    return { name: String(subject.CN), groups: [...[subject.O ?? []].flat(), 'system:authenticated'] };
  }

  async #byToken(request: IncomingMessage): Promise<UserInfo | undefined> {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (!token) return undefined;
    const review = await this.#cached(`token/${token}`, () => {
      const body: TokenReview = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
      return this.#client.create<TokenReview>(tokenReview, body);
    });
    const { authenticated, user } = review.status ?? {};
    return authenticated && user?.username ? { name: user.username, groups: user.groups ?? [] } : undefined;
  }

  async #mayDo(user: UserInfo, verb: string, subresource: string): Promise<boolean> {
    const review = await this.#cached(`${user.name}/${user.groups.join()}/${verb}/${subresource}`, () => {
      const body: SubjectAccessReview = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: {
          user: user.name,
          groups: [...user.groups],
          resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: this.#nodeName },
        },
      };
      return this.#client.create<SubjectAccessReview>(subjectAccessReview, body);
    });
    return review.status?.allowed === true;
  }

  #cached<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#cache.get(key);
    if (known && known.until > this.#now()) return known.value as Promise<T>;
    const value = ask();
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(key, { until: this.#now() + CACHE_MS, value });
    value.catch(() => this.#cache.delete(key));
    return value;
  }
}

const subresourceOf = (path: string): string => {
  if (path.startsWith('/stats')) return 'stats';
  if (path.startsWith('/metrics')) return 'metrics';
  if (path.startsWith('/logs') || path.startsWith('/containerLogs')) return 'log';
  if (path === '/healthz' || path === '/pods' || path === '/runningpods') return 'proxy';
  return 'proxy';
};
