import { SCHEME, type Scheme } from '../api/scheme.ts';
import type { Transport, UserInfo } from '../api/transport.ts';
import type { Component } from '../base/async/component.ts';
import type { Logger } from '../base/log/logger.ts';
import type { TokenAuthority } from '../pki/service-account-tokens.ts';
import type { Store } from '../store/store.ts';
import { Admission } from './admission/admission.ts';
import { connectRequest } from './admission/connect-request.ts';
import { pluginsWithout } from './admission/plugins.ts';
import { Aggregator } from './aggregation/aggregator.ts';
import { FrontProxy } from './aggregation/front-proxy.ts';
import { Authenticator } from './auth/authenticator.ts';
import { type AccessRequest, createUnionAuthorizer, type Decision } from './auth/authorizer.ts';
import { createNodeAuthorizer } from './auth/node-authorizer.ts';
import { RbacAuthorizer } from './auth/rbac-authorizer.ts';
import { createTokenAuthenticator } from './auth/token-authenticator.ts';
import { bootstrapObjects, publishClientCa } from './bootstrap/bootstrap.ts';
import { KubernetesService } from './bootstrap/kubernetes-service.ts';
import { CustomResources } from './custom/custom-resources.ts';
import { DiscoveryRoutes } from './discovery/discovery-routes.ts';
import type { AuditSink } from './http/audit.ts';
import { FlowControl, type FlowLimits } from './http/flow-control.ts';
import { healthChecks, healthRoute } from './http/health.ts';
import { HttpServer } from './http/http-server.ts';
import { Metrics } from './http/metrics.ts';
import { RequestHandler, type RouteHandler } from './http/request-handler.ts';
import { UpgradeHandler } from './http/upgrade-handler.ts';
import { createLocalTransport } from './local-transport.ts';
import { Dispatcher } from './registry/dispatch.ts';
import { createHooks } from './registry/hooks.ts';
import { Registry } from './registry/registry.ts';
import { createServiceHook } from './registry/service-hook.ts';
import { type AgentProxy, type AgentProxyPki, createAgentProxy } from './subresources/agent-proxy.ts';
import { createSpecialHandlers } from './subresources/special-handlers.ts';
import { createWatchCache } from './watch/create-watch-cache.ts';
import type { WatchCache } from './watch/watch-cache.ts';
import { createWebhookClient } from './webhooks/webhook-client.ts';

/** PEM. */
export interface ApiServerPki {
  /** Signs clients' certificates; also shown to pods. */
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** Shown to agents. */
  readonly agentClientCertPem: string;
  readonly agentClientKeyPem: string;
}

/** What the installer's ServerConfig comes to, with files read. */
export interface ApiServerOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly bindAddress: string;
  /** 0: any free port. */
  readonly port: number;
  /** What the endpoints of the `kubernetes` Service and discovery name. */
  readonly advertiseAddress: string;
  readonly serviceCidr: string;
  readonly nodePortRange: readonly [from: number, to: number];
  readonly pki: ApiServerPki;
  readonly tokens: TokenAuthority;
  /** Tolerations that pods get for nodes that are not ready; upstream's 300 by default. */
  readonly podEvictionSeconds?: number | undefined;
  /** Names of admission plugins that are switched off. */
  readonly disabledAdmission?: readonly string[] | undefined;
  readonly limits?: FlowLimits;
  readonly audit?: AuditSink;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const CLOSE_GRACE_MS = 2000;

/**
 * The API server: everything between a request and the store. It answers /healthz, /livez and /readyz from the moment that it listens.
 *
 *   init: nothing -> start: watch cache, bootstrap objects, then listen -> stop: no new requests, watches ended, cache stopped
 */
export class ApiServer implements Component {
  readonly name = 'apiserver';
  /** For those that follow everything in the process, and for tests. */
  readonly cache: WatchCache;
  readonly metrics = new Metrics();
  readonly #options: ApiServerOptions;
  readonly #http: HttpServer;
  readonly #authenticator: Authenticator;
  readonly #proxy: AgentProxy;
  readonly #rbac: RbacAuthorizer;
  readonly #dispatcher: Dispatcher;
  readonly #authorize: (request: AccessRequest) => Promise<Decision>;
  readonly #kubernetesService: KubernetesService;
  readonly #customResources: CustomResources;
  readonly #aggregator: Aggregator;
  #address: string;
  #scheme: Scheme = SCHEME;
  #ready = false;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#address = options.advertiseAddress;
    const { log, store, tokens, now = Date.now } = options;
    const scheme = (): Scheme => this.#scheme;
    this.cache = createWatchCache({ store, log, now });
    this.#rbac = new RbacAuthorizer(this.cache);
    this.#authorize = createUnionAuthorizer([createNodeAuthorizer(this.cache), this.#rbac]);
    const authenticateToken = createTokenAuthenticator({ authority: tokens, cache: this.cache, now });
    this.#authenticator = new Authenticator({ tokens: authenticateToken, now, clientCaPem: options.pki.caPem });
    const webhooks = createWebhookClient(this.cache);
    const world = {
      cache: this.cache,
      now,
      authorize: this.#authorize,
      rbac: this.#rbac,
      scheme,
      webhooks,
      log,
      podEvictionSeconds: options.podEvictionSeconds,
    };
    const admission = new Admission(pluginsWithout(world, options.disabledAdmission ?? []));
    const registry = new Registry({
      cache: this.cache,
      scheme,
      admission,
      now,
      hooks: createHooks([
        createServiceHook({ cache: this.cache, serviceCidr: options.serviceCidr, nodePortRange: options.nodePortRange }),
      ]),
    });
    this.#dispatcher = new Dispatcher(
      registry,
      createSpecialHandlers({ registry, tokens, authenticateToken, authorize: this.#authorize, rbac: this.#rbac, now }),
    );
    const proxy = createAgentProxy({
      cache: this.cache,
      log,
      pki: proxyPki(options.pki),
    });
    this.#proxy = proxy;
    const discovery = new DiscoveryRoutes({ scheme, advertised: () => this.#advertised(), extensions: () => this.#aggregator.versions });
    this.#aggregator = new Aggregator({
      cache: this.cache,
      frontProxy: new FrontProxy({ cache: this.cache, now }),
      log,
      now,
      changed: () => discovery.forget(),
    });
    const handler = new RequestHandler({
      authenticator: this.#authenticator,
      authorize: this.#authorize,
      flow: new FlowControl(options.limits),
      dispatcher: this.#dispatcher,
      scheme,
      metrics: this.metrics,
      route: this.#routes(discovery),
      extension: (path) => this.#aggregator.route(path),
      streams: proxy.streams,
      connect: async (context, kind) => {
        const request = connectRequest(context, kind);
        if (request) await admission.connect(request);
      },
      audit: options.audit,
      log,
      now,
    });
    const upgrades = new UpgradeHandler({ handler, proxy, log });
    this.#http = new HttpServer({
      host: options.bindAddress,
      port: options.port,
      certPem: options.pki.certPem,
      keyPem: options.pki.keyPem,
      clientCaPem: options.pki.caPem,
      handle: (exchange) => void handler.handle(exchange),
      upgrade: (exchange) => void upgrades.handle(exchange),
      log,
    });
    this.#customResources = new CustomResources({
      cache: this.cache,
      log,
      now,
      webhooks,
      publish: (published) => {
        this.#scheme = published;
      },
    });
    this.#kubernetesService = new KubernetesService({
      cache: this.cache,
      transport: createLocalTransport({ name: 'system:apiserver', groups: ['system:masters'] }, this.#localParts()),
      address: () => this.#address,
      port: () => (options.port === 0 ? this.#http.port : options.port),
      serviceCidr: options.serviceCidr,
      now,
      log,
    });
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#http.port;
  }

  async start(): Promise<void> {
    const { log, pki, now = Date.now } = this.#options;
    await this.cache.start();
    await bootstrapObjects(this.cache, { clientCaPem: pki.caPem, now, log });
    await publishClientCa(this.cache, pki.caPem);
    await this.#customResources.start();
    await this.#aggregator.start();
    await this.#http.listen();
    await this.#kubernetesService.start();
    this.#ready = true;
    log.info('api server listens', { address: this.#options.bindAddress, port: this.port });
  }

  /** Certificates for connections from now on; those under way go on while their client's authority is trusted. */
  async renew(pki: ApiServerPki): Promise<void> {
    this.#authenticator.trust(pki.caPem);
    this.#http.renew({ certPem: pki.certPem, keyPem: pki.keyPem, clientCaPem: pki.caPem });
    this.#proxy.renew(proxyPki(pki));
    await publishClientCa(this.cache, pki.caPem);
  }

  /** This machine is reached at another address than before. */
  async moved({ from, to }: { from: string; to: string }): Promise<void> {
    this.#address = to;
    await this.#kubernetesService.movedFrom(from);
  }

  async stop(): Promise<void> {
    this.#ready = false;
    await this.#kubernetesService.stop();
    await this.#customResources.stop();
    await this.#aggregator.stop();
    this.#rbac.stop();
    await this.cache.stop();
    await this.#http.close(CLOSE_GRACE_MS).catch(() => {
      // It had not listened yet.
    });
  }

  /** The road inside the process, for controllers and the scheduler. `system:authenticated` is added. */
  localTransport(user: UserInfo): Transport {
    const groups = user.groups.includes('system:authenticated') ? user.groups : [...user.groups, 'system:authenticated'];
    return createLocalTransport({ ...user, groups }, this.#localParts());
  }

  #localParts() {
    return { dispatcher: this.#dispatcher, scheme: () => this.#scheme, authorize: this.#authorize };
  }

  /** `host:port` for clients. */
  #advertised(): string {
    const { port } = this.#options;
    return `${this.#address}:${port === 0 ? this.#http.port : port}`;
  }

  #routes(discovery: DiscoveryRoutes): (path: string) => RouteHandler | undefined {
    const { tokens, store } = this.#options;
    const health = healthRoute(healthChecks({ store, ready: () => this.#ready }));
    const text =
      (contentType: string, body: () => string): RouteHandler =>
      (context) => {
        context.headers['content-type'] = contentType;
        context.exchange.respond(200, context.headers, body());
      };
    const fixed: Record<string, RouteHandler> = {
      '/metrics': text('text/plain; version=0.0.4; charset=utf-8', () => this.metrics.text()),
      '/openid/v1/jwks': text('application/jwk-set+json', () => JSON.stringify(tokens.jwks())),
      '/.well-known/openid-configuration': text('application/json', () =>
        JSON.stringify(tokens.openidConfiguration({ jwksUri: `https://${this.#advertised()}/openid/v1/jwks` })),
      ),
    };
    return (path) => (Object.hasOwn(fixed, path) ? fixed[path] : (health(path) ?? discovery.route(path)));
  }
}

const proxyPki = (pki: ApiServerPki): AgentProxyPki => ({
  caPem: pki.caPem,
  certPem: pki.agentClientCertPem,
  keyPem: pki.agentClientKeyPem,
});
