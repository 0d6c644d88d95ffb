import type { ClientRequest } from 'node:http';
import { request } from 'node:https';
import { pipeline } from 'node:stream';
import { apiService } from '../../api/apiregistration/api-service.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { statusError } from '../../api/meta/status.ts';
import type { APIService, APIServiceCondition } from '../../api/types/apiregistration-v1.ts';
import type { Logger } from '../../base/log/logger.ts';
import { FollowedObjects } from '../admission/followed-objects.ts';
import type { Headers } from '../http/exchange.ts';
import type { RequestContext, RouteHandler } from '../http/request-handler.ts';
import { answerHeaders, answerOf, forwarded } from '../subresources/agent-proxy.ts';
import { serviceEndpoint } from '../subresources/proxy-target.ts';
import type { CachedItem, WatchCache } from '../watch/watch-cache.ts';
import type { AggregatedVersion } from './aggregated-discovery.ts';
import type { FrontProxy } from './front-proxy.ts';

interface Options {
  readonly cache: WatchCache;
  readonly frontProxy: FrontProxy;
  readonly log: Logger;
  readonly now: () => number;
  /** Called when what extensions serve has changed. */
  readonly changed: () => void;
}

type Registered = KubeObject & APIService & { spec: NonNullable<APIService['spec']> };

const CHECK_MS = 10_000;
/** Until an extension answers it is asked more often. */
const IMPATIENT_CHECK_MS = 1000;
const BETWEEN_ROUNDS_MS = 200;
const DISCOVERY_TIMEOUT_MS = 5000;
const MOST_DISCOVERY_BYTES = 8 * 1024 * 1024;
const HTTPS_PORT = 443;

/**
 * Serves the groups and versions that APIServices hand to extension API servers: requests go on as they came, with who asks in headers
 * under the front proxy's certificate. Whether an extension answers is checked again and again and said in its `Available` condition.
 */
export class Aggregator {
  readonly #options: Options;
  readonly #services: FollowedObjects<ReadonlyMap<string, Registered>>;
  readonly #discovered = new Map<string, AggregatedVersion>();
  #known: ReadonlyMap<string, Registered> = new Map();
  /** Checks under way, by version. */
  readonly #checks = new Map<string, Promise<boolean>>();
  #timer: NodeJS.Timeout | undefined;
  #roundBegan = 0;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: Options) {
    this.#options = options;
    this.#services = new FollowedObjects(options.cache, [apiService], byVersion);
  }

  async start(): Promise<void> {
    await this.#options.frontProxy.publish();
    this.#check();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
    this.#services.close();
  }

  /** What extensions serve, for discovery. */
  get versions(): readonly AggregatedVersion[] {
    return [...this.#discovered.values()];
  }

  /** What answers a path of an extension; undefined for everything else. */
  route(path: string): RouteHandler | undefined | Promise<RouteHandler | undefined> {
    if (!path.startsWith('/apis/')) return undefined;
    const services = this.#services.current();
    return services instanceof Promise ? services.then((all) => this.#routeOf(all, path)) : this.#routeOf(services, path);
  }

  #routeOf(services: ReadonlyMap<string, Registered>, path: string): RouteHandler | undefined {
    if (services.size === 0) return undefined;
    const [, , group, version] = path.split('/', 4);
    const key = `${group}/${version}`;
    const service = services.get(key);
    return service && ((context) => this.#proxy(context, service, key));
  }

  async #proxy(context: RequestContext, service: Registered, key: string): Promise<void> {
    const { exchange, user } = context;
    // Who has had an answer finds the version in discovery: as upstream, nothing is handed on before the first check has passed.
    if (!this.#discovered.has(key) && !(await this.#checkOne(key, service))) throw unavailable();
    let outgoing: ClientRequest;
    let answer: Awaited<ReturnType<typeof answerOf>>;
    try {
      const place = await this.#placeOf(service);
      const headers = { ...forwarded(exchange.headers, place), ...remoteHeaders(user), host: place.servername };
      const dialled = await this.#dial(service, place, { method: exchange.method, path: exchange.url, headers });
      outgoing = dialled;
      answer = await answerOf(dialled, () => exchange.bodyStream().pipe(dialled));
    } catch (error) {
      this.#options.log.debug('extension API server not reached', { service: service.metadata.name, error });
      throw unavailable();
    }
    exchange.onClose(() => outgoing.destroy());
    context.code = answer.statusCode ?? 502;
    const out = exchange.beginStream(context.code, { ...answerHeaders(answer), 'audit-id': context.headers['audit-id'] ?? '' });
    await new Promise<void>((resolve) => pipeline(answer, out, () => resolve()));
  }

  async #placeOf({ spec }: Registered): Promise<{ host: string; port: number; servername: string }> {
    const { namespace = '', name = '', port = HTTPS_PORT } = spec.service ?? {};
    return {
      ...(await serviceEndpoint(this.#options.cache, { namespace, name, port: String(port) })),
      servername: `${name}.${namespace}.svc`,
    };
  }

  async #dial(
    { spec }: Registered,
    { host, port, servername }: { host: string; port: number; servername: string },
    { method, path, headers }: { method: string; path: string; headers: Headers },
  ): Promise<ClientRequest> {
    const { certPem, keyPem } = await this.#options.frontProxy.credentials();
    return request({
      host,
      port,
      path,
      method,
      headers,
      servername,
      cert: certPem,
      key: keyPem,
      agent: false,
      ...(spec.caBundle ? { ca: Buffer.from(spec.caBundle, 'base64') } : {}),
      rejectUnauthorized: !spec.insecureSkipTLSVerify,
    });
  }

  /** One round after another; never two at once. */
  #check(): void {
    this.#roundBegan = performance.now();
    let isChanged = false;
    let isOver = false;
    const changed = (): void => {
      isChanged = true;
      if (isOver) this.#checkSoon();
    };
    this.#running = this.#round(changed)
      .catch((error: unknown) => {
        this.#options.log.warn('extension API servers not checked', { error });
        return false;
      })
      .then((allWell) => {
        isOver = true;
        if (isChanged) this.#checkSoon();
        else this.#checkIn(allWell ? CHECK_MS : IMPATIENT_CHECK_MS);
      });
  }

  /** At once, but for conditions that change with every round: those must not keep the server busy. */
  #checkSoon(): void {
    this.#checkIn(Math.max(0, this.#roundBegan + BETWEEN_ROUNDS_MS - performance.now()));
  }

  #checkIn(waitMs: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.#check(), waitMs);
    this.#timer.unref();
  }

  async #round(changed: () => void): Promise<boolean> {
    this.#known = await this.#services.current();
    this.#services.onChange(changed);
    for (const key of this.#discovered.keys()) if (!this.#known.has(key)) this.#forget(key);
    const results = await Promise.all([...this.#known].map(([key, service]) => this.#checkOne(key, service)));
    return results.every((isWell) => isWell);
  }

  #forget(key: string): void {
    this.#discovered.delete(key);
    this.#options.changed();
  }

  /** One check of a version at a time, for all who wait for it. */
  #checkOne(key: string, service: Registered): Promise<boolean> {
    let check = this.#checks.get(key);
    if (!check) {
      check = this.#discoverAndReport(key, service).finally(() => this.#checks.delete(key));
      this.#checks.set(key, check);
    }
    return check;
  }

  async #discoverAndReport(key: string, service: Registered): Promise<boolean> {
    const { group = '', version = '' } = service.spec;
    let condition: Omit<APIServiceCondition, 'lastTransitionTime'> = {
      type: 'Available',
      status: 'True',
      reason: 'Passed',
      message: 'all checks passed',
    };
    try {
      const place = await this.#placeOf(service).catch((error: Error) => {
        throw new Unavailable('MissingEndpoints', error.message);
      });
      const resources = await this.#discover(service, place);
      // It may have gone while it was asked.
      if (!(await this.#services.current()).has(key)) return false;
      const text = JSON.stringify(resources);
      const was = this.#discovered.get(key);
      if (!was || JSON.stringify(was.resources) !== text) {
        this.#discovered.set(key, { group, version, resources });
        this.#options.changed();
      }
    } catch (error) {
      const reason = error instanceof Unavailable ? error.reason : 'FailedDiscoveryCheck';
      const prefix = error instanceof Unavailable ? '' : 'failing or missing response from the extension API server: ';
      condition = { type: 'Available', status: 'False', reason, message: `${prefix}${(error as Error).message}` };
    }
    await this.#report(service, condition);
    return condition.status === 'True';
  }

  async #discover(service: Registered, place: { host: string; port: number; servername: string }): Promise<AggregatedVersion['resources']> {
    const path = `/apis/${service.spec.group}/${service.spec.version}`;
    const headers = { accept: 'application/json', host: place.servername, ...remoteHeaders(CHECKER) };
    const outgoing = await this.#dial(service, place, { method: 'GET', path, headers });
    const timer = setTimeout(() => outgoing.destroy(new Error('context deadline exceeded')), DISCOVERY_TIMEOUT_MS);
    try {
      const answer = await answerOf(outgoing, () => outgoing.end());
      const parts: Buffer[] = [];
      let size = 0;
      for await (const part of answer) {
        size += (part as Buffer).length;
        if (size > MOST_DISCOVERY_BYTES) throw new Error('the discovery document is too large');
        parts.push(part as Buffer);
      }
      if (answer.statusCode !== 200) throw new Error(`bad status from ${path}: ${answer.statusCode}`);
      const { resources } = JSON.parse(Buffer.concat(parts).toString()) as { resources?: AggregatedVersion['resources'] };
      return resources ?? [];
    } finally {
      clearTimeout(timer);
      outgoing.destroy();
    }
  }

  async #report(service: Registered, condition: Omit<APIServiceCondition, 'lastTransitionTime'>): Promise<void> {
    const resource = this.#options.cache.resource(apiService);
    const item: CachedItem | undefined = await resource.get({ name: service.metadata.name ?? '' });
    if (!item) return;
    const next = item.parse() as Registered;
    const conditions = next.status?.conditions ?? [];
    const was = conditions.find(({ type }) => type === condition.type);
    if (was?.status === condition.status && was.reason === condition.reason && was.message === condition.message) return;
    const at = new Date(this.#options.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const lastTransitionTime = was?.status === condition.status ? (was.lastTransitionTime ?? at) : at;
    next.status = { ...next.status, conditions: [...conditions.filter((one) => one !== was), { ...condition, lastTransitionTime }] };
    // Another write came first: the next round says it.
    await resource.update(item, next).catch(() => undefined);
  }
}

class Unavailable extends Error {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

const unavailable = () => statusError(503, 'ServiceUnavailable', 'service unavailable');

const CHECKER = { name: 'system:kube-aggregator', groups: ['system:masters'] };

const byVersion = ([services = []]: readonly KubeObject[][]): ReadonlyMap<string, Registered> =>
  new Map(
    (services as Registered[])
      .filter(({ spec }) => spec?.service !== undefined)
      .map((service) => [`${service.spec.group}/${service.spec.version}`, service]),
  );

const remoteHeaders = (user: RequestContext['user']): Headers => ({
  'x-remote-user': user.name,
  'x-remote-group': [...user.groups],
  ...(user.uid ? { 'x-remote-uid': user.uid } : {}),
  ...Object.fromEntries(
    Object.entries(user.extra ?? {}).map(([name, values]) => [`x-remote-extra-${encodeURIComponent(name).toLowerCase()}`, [...values]]),
  ),
});
