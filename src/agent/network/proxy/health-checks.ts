import http from 'node:http';
import type { Logger } from '../../../base/log/logger.ts';

/** Node ports are 2,768 by default; a cluster with more such Services than this has another problem. */
const MAX_SERVERS = 2_768;

interface Check {
  service: string;
  localEndpoints: number;
  server: http.Server;
}

/**
 * `spec.healthCheckNodePort`: tells a load balancer outside whether this node has an endpoint of a Service with external policy
 * Local. 200 with one, 503 without; the body is kube-proxy's.
 */
export class HealthChecks {
  readonly #log: Logger;
  readonly #address: string;
  readonly #checks = new Map<number, Check>();

  constructor(options: { address: string; log: Logger }) {
    this.#address = options.address;
    this.#log = options.log;
  }

  /** Undefined: the Service has no such port any more. */
  set(service: string, check: { port: number; localEndpoints: number } | undefined): void {
    for (const [port, known] of this.#checks)
      if (known.service === service && port !== check?.port) {
        this.#checks.delete(port);
        close(known.server);
      }
    if (!check) return;
    const known = this.#checks.get(check.port);
    if (known) {
      if (known.service === service) known.localEndpoints = check.localEndpoints;
      return;
    }
    if (this.#checks.size >= MAX_SERVERS) return;
    const server = http.createServer((_request, response) => this.#answer(check.port, response));
    server.on('error', (error) => this.#log.warn('a health check port could not be opened', { service, port: check.port, error }));
    server.listen(check.port, this.#address);
    this.#checks.set(check.port, { service, localEndpoints: check.localEndpoints, server });
  }

  stop(): void {
    for (const { server } of this.#checks.values()) close(server);
    this.#checks.clear();
  }

  #answer(port: number, response: http.ServerResponse): void {
    const check = this.#checks.get(port);
    const [namespace, name] = check?.service.split('/') ?? [];
    const localEndpoints = check?.localEndpoints ?? 0;
    response
      .writeHead(localEndpoints > 0 ? 200 : 503, { 'content-type': 'application/json' })
      .end(JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true }));
  }
}

const close = (server: http.Server): void => {
  server.close();
  server.closeAllConnections();
};
