import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { AgentConfig } from '../../api/config/agent-config.ts';
import type { Component } from '../../base/async/component.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Logger } from '../../base/log/logger.ts';
import { createWebSocketStream } from '../../base/streams/websocket-stream.ts';
import type { Client } from '../../client/client.ts';
import type { TlsCredentials } from '../certificates/certificate-keeper.ts';
import type { CriClient } from '../cri/cri-client.ts';
import type { Machine } from '../node/machine.ts';
import type { PodContext } from '../pods/pod-context.ts';
import type { PodManager } from '../pods/pod-manager.ts';
import type { PodWorker } from '../pods/pod-worker.ts';
import { latestContainer, readySandbox } from '../pods/runtime-state.ts';
import { Authorizer } from './authorizer.ts';
import { HttpProblem } from './http-problem.ts';
import { serveContainerLog } from './log-request.ts';
import { joinRemoteCommand, REMOTE_COMMAND_PROTOCOLS } from './remote-command.ts';
import { join, openRuntimeStream, proxyUpgrade } from './runtime-stream.ts';
import { agentMetrics, cadvisorMetrics, resourceMetrics, type StatsSources, statsSummary } from './stats.ts';

export interface AgentServerOptions {
  config: AgentConfig;
  client: Client;
  cri: CriClient;
  context: PodContext;
  manager: PodManager;
  machine: Machine;
  /** What it starts with; `renew` brings later ones. */
  tls: TlsCredentials;
  log: Logger;
}

const PORT_FORWARD_TUNNEL = 'SPDY/3.1+portforward.k8s.io';
const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io';
/** The command of exec stands in its URL; the API server takes as much. */
const MAX_HEADER_BYTES = 1024 * 1024;

/** The kubelet API: logs, exec, attach, port-forward, stats. Streams go to the runtime's own streaming server. */
export class AgentServer implements Component {
  readonly name = 'server';
  readonly #options: AgentServerOptions;
  readonly #authorizer: Authorizer;
  readonly #stats: StatsSources;
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: 16 * 1024 * 1024,
    handleProtocols: (offered) => [...offered].find((name) => Object.hasOwn(REMOTE_COMMAND_PROTOCOLS, name)) ?? false,
  });
  /** Requests that ask for the tunnel: its name is no token of HTTP, so the library would refuse it; it is answered beside it. */
  readonly #tunnels = new WeakSet<IncomingMessage>();
  #server: Server | undefined;
  #tls: TlsCredentials;

  constructor(options: AgentServerOptions) {
    this.#options = options;
    this.#tls = options.tls;
    const { client, config, context, cri, manager, machine } = options;
    this.#webSockets.on('headers', (headers, request) => {
      if (this.#tunnels.has(request)) headers.push(`Sec-WebSocket-Protocol: ${PORT_FORWARD_TUNNEL}`);
    });
    this.#authorizer = new Authorizer({ client, nodeName: config.nodeName, now: context.now });
    this.#stats = { config, cri, cgroups: context.cgroups, manager, machine, startedAt: context.now() };
  }

  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? this.#options.config.port;
  }

  async start(): Promise<void> {
    const server = createServer({
      ...this.#tls,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    this.#server = server;
    server.requestTimeout = 0;
    server.on('request', (request, response) => void this.#answer(request, response));
    server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    server.on('tlsClientError', (error) => this.#options.log.debug('TLS handshake failed', { error: String(error) }));
    const { port } = this.#options.config;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        const isTaken = error.code === 'EADDRINUSE';
        reject(
          isTaken ? new SlipwayError('ADDRESS_IN_USE', { tried: `listen on port ${port}`, cause: 'another program listens there' }) : error,
        );
      });
      server.listen(port, () => resolve());
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    for (const socket of this.#webSockets.clients) socket.terminate();
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
  }

  /** For connections from now on. */
  renew(tls: TlsCredentials): void {
    this.#tls = tls;
    this.#server?.setSecureContext(tls);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://agent');
    try {
      await this.#admit(request, url);
      await this.#route(request, url, response);
    } catch (error) {
      const problem = asProblem(error);
      if (problem.code >= 500) this.#options.log.debug('request failed', { path: url.pathname, error: String(error) });
      if (!response.headersSent) response.writeHead(problem.code, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(problem.message);
    }
  }

  async #admit(request: IncomingMessage, url: URL): Promise<void> {
    const verdict = await this.#authorizer.check(request);
    if (verdict === 'unauthenticated') throw new HttpProblem(401, 'Unauthorized');
    if (verdict === 'forbidden') throw new HttpProblem(403, `Forbidden (path=${url.pathname})`);
  }

  async #route(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const { cri, context, manager } = this.#options;
    const [, first = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const text = (body: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(200, { 'content-type': type });
      response.end(body);
    };
    const json = (body: unknown): void => text(JSON.stringify(body), 'application/json');
    const metricsType = 'text/plain; version=0.0.4; charset=utf-8';
    switch (first) {
      case 'healthz':
        text('ok');
        return;
      case 'pods':
      case 'runningpods':
        json(this.#podList(first === 'runningpods'));
        return;
      case 'metrics':
        if (rest.length === 0) text(await agentMetrics(this.#stats), metricsType);
        else if (rest[0] === 'resource') text(await resourceMetrics(this.#stats), metricsType);
        else if (rest[0] === 'cadvisor') text(await cadvisorMetrics(this.#stats), metricsType);
        else throw new HttpProblem(404, '404 page not found');
        return;
      case 'stats':
        json(await statsSummary(this.#stats));
        return;
      case 'containerLogs': {
        const [namespace = '', pod = '', container = ''] = rest;
        if (request.method !== 'GET') throw new HttpProblem(405, 'Method Not Allowed');
        await serveContainerLog(
          cri,
          { worker: this.#find(manager, namespace, pod), container, query: url.searchParams, now: context.now() },
          response,
        );
        return;
      }
      case 'exec':
      case 'attach':
      case 'portForward':
        throw new HttpProblem(400, 'Upgrade request required');
      default:
        throw new HttpProblem(404, '404 page not found');
    }
  }

  #podList(onlyRunning: boolean): object {
    const workers = [...this.#options.manager.workers()].filter(({ state }) => !onlyRunning || (state && readySandbox(state)));
    const items = workers.map(({ pod, status }) => ({ ...pod, status }));
    return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
  }

  #find(manager: PodManager, namespace: string, name: string): PodWorker {
    const worker = manager.find(namespace, name);
    if (!worker) throw new HttpProblem(404, `pod "${name}_${namespace}" not found`);
    return worker;
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const url = new URL(request.url ?? '/', 'https://agent');
    try {
      await this.#admit(request, url);
      const target = await this.#streamUrl(url);
      const kind = String(request.headers.upgrade ?? '').toLowerCase();
      if (kind === 'spdy/3.1') proxyUpgrade(request, socket, { head, url: target.url });
      else if (kind === 'websocket') this.#webSocket(request, { socket, head, target });
      else throw new HttpProblem(400, `unable to upgrade: ${request.headers.upgrade}`);
    } catch (error) {
      const { code, message } = asProblem(error);
      const body = Buffer.from(message);
      const lines = [
        `HTTP/1.1 ${code} ${code === 404 ? 'Not Found' : 'Error'}`,
        'Content-Type: text/plain; charset=utf-8',
        `Content-Length: ${body.length}`,
        'Connection: close',
      ];
      socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]));
    }
  }

  #webSocket(request: IncomingMessage, facts: { socket: Duplex; head: Buffer; target: StreamTarget }): void {
    const { socket, head, target } = facts;
    const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
    if (offered?.includes(PORT_FORWARD_TUNNEL)) {
      this.#tunnels.add(request);
      delete request.headers['sec-websocket-protocol'];
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      const session = this.#tunnels.has(request)
        ? openRuntimeStream(target.url, PORT_FORWARD_PROTOCOL).then((opened) => {
            if (opened.head.length > 0) opened.socket.unshift(opened.head);
            join(createWebSocketStream(webSocket), opened.socket);
          })
        : joinRemoteCommand(webSocket, target.url, target.streams);
      session.catch((error: unknown) => {
        this.#options.log.debug('stream failed', { path: request.url?.split('?')[0], error: String(error) });
        webSocket.close(1011, (error instanceof Error ? error.message : String(error)).slice(0, 120));
      });
    });
  }

  /** Asks the runtime for a streaming URL for what `/exec/NS/POD[/UID]/CONTAINER?command=...` wants. */
  async #streamUrl(url: URL): Promise<StreamTarget> {
    const { cri, manager } = this.#options;
    const [, verb = '', namespace = '', podName = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const worker = this.#find(manager, namespace, podName);
    const { searchParams: query } = url;
    const flag = (name: string, older: string): boolean =>
      [query.get(name), query.get(older)].some((value) => value === '1' || value === 'true');
    const streams = {
      stdin: flag('input', 'stdin'),
      stdout: flag('output', 'stdout'),
      stderr: flag('error', 'stderr'),
      tty: flag('tty', 'tty'),
    };
    if (verb === 'portForward') {
      const sandbox = worker.state && readySandbox(worker.state);
      if (!sandbox) throw new HttpProblem(404, `pod not found ("${podName}_${namespace}")`);
      const port = query
        .getAll('port')
        .flatMap((text) => text.split(','))
        .map(Number)
        .filter((value) => value > 0);
      const answer = await cri.portForward({ podSandboxId: sandbox.id, port });
      return { url: answer.url, streams };
    }
    if (verb !== 'exec' && verb !== 'attach') throw new HttpProblem(404, '404 page not found');
    const name = rest[rest.length - 1] ?? '';
    const container = worker.state && latestContainer(worker.state, name);
    if (container?.state !== 'running') throw new HttpProblem(404, `container not found ("${name}")`);
    const { tty, stdin, stdout } = streams;
    const stderr = streams.stderr && !tty;
    const answer =
      verb === 'exec'
        ? await cri.exec({ containerId: container.id, cmd: query.getAll('command'), tty, stdin, stdout, stderr })
        : await cri.attach({ containerId: container.id, tty, stdin, stdout, stderr });
    return { url: answer.url, streams };
  }
}

interface StreamTarget {
  url: string;
  streams: { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean };
}

const asProblem = (error: unknown): HttpProblem =>
  error instanceof HttpProblem ? error : new HttpProblem(500, error instanceof Error ? error.message : String(error));
