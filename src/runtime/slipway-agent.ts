import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createAgent } from '../agent/agent.ts';
import { CertificateKeeper, readCredentials } from '../agent/certificates/certificate-keeper.ts';
import { createNodeNetwork } from '../agent/network/network.ts';
import { giveUpNode, untilOurs } from '../agent/node/succession.ts';
import type { AgentConfig } from '../api/config/agent-config.ts';
import { startComponents, stopComponents } from '../base/async/component.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import { createLogger } from '../base/log/logger.ts';
import { AddressKeeper } from '../base/net/address-keeper.ts';
import { createClient } from '../client/create-client.ts';
import { API_SERVER_NAME } from '../client/discovery/find-api-servers.ts';
import { ServerFinder } from '../client/discovery/server-finder.ts';
import { createInformerFactory } from '../client/informer/informer-factory.ts';
import { createRestTransport } from '../client/rest/rest-transport.ts';

const DEFAULT_CONFIG = '/etc/slipway/agent.json';
const STOP_LIMIT_MS = 10_000;
/** A server whose address has changed is missed soon: by the time that it counts the node as dead, the node has found it again. */
const CONNECT_MS = 2000;
const PING_MS = 4000;
const SLOWNESS = 5;

/** `slipway-agent [--config FILE]`: a node's agent. SIGTERM ends the agent alone; pods run on. */
const main = async (): Promise<void> => {
  const installed = readConfig(configPath(process.argv.slice(2)));
  const log = createLogger({ level: installed.logLevel ?? 'info', fields: { program: 'slipway-agent', node: installed.nodeName } });
  // A connection that breaks in a corner nobody listens to must not take the node's agent with it.
  process.on('unhandledRejection', (error) => log.error('a promise was rejected and nobody listened', { error }));
  process.on('uncaughtException', (error) => {
    log.error('uncaught exception', { error });
    process.exit(1);
  });

  await mkdir(installed.rootDir, { recursive: true });
  const address = new AddressKeeper({
    configured: installed.nodeAddress,
    file: join(installed.rootDir, 'node-address.json'),
    log: log.child({ component: 'address' }),
    // Everything that knows the address begins anew with the other one; the service manager starts the agent again, and pods run on.
    moved: () => void stop('address'),
  });
  const config: AgentConfig = { ...installed, nodeAddress: address.current };
  const credentials = readCredentials(config.pki);
  const finder = new ServerFinder({
    configured: config.apiServers,
    file: join(config.rootDir, 'api-servers.json'),
    trustPem: () => readFileSync(config.pki.caFile, 'utf8'),
    use: (servers) => transport.setServers(servers),
    log: log.child({ component: 'server-finder' }),
  });
  const transport = createRestTransport({
    servers: finder.servers,
    ...credentials.client,
    // Whatever address it has: certificates of nodes never have this name.
    serverName: API_SERVER_NAME,
    userAgent: 'slipway-agent',
    connectTimeoutMs: CONNECT_MS * (config.slow ? SLOWNESS : 1),
    pingIntervalMs: PING_MS * (config.slow ? SLOWNESS : 1),
    onUnreachable: () => finder.lost(),
  });
  const client = createClient(transport);
  const informers = createInformerFactory({ client, log: log.child({ component: 'informers' }) });
  const network = createNodeNetwork({ informers, config, log });
  await untilOurs({ config, client, log });
  const succeeded = (): void => void giveUpNode(config).then(() => stop('another machine is this node now'));
  const agent = await createAgent({ config, client, informers, log, network, succeeded, tls: credentials.serving });
  const certificates = new CertificateKeeper({
    config,
    servingNames: { dnsNames: [config.nodeName], ipAddresses: [config.nodeAddress] },
    client,
    log: log.child({ component: 'certificates' }),
  });
  certificates.onChange((renewed) => {
    transport.renew(renewed.client);
    agent.renewTls(renewed.serving);
  });
  const components = [address, finder, network, ...agent.components, certificates];

  let isStopping = false;
  const stop = async (signal: string): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    log.info('stopping; pods run on', { signal });
    setTimeout(() => process.exit(0), STOP_LIMIT_MS).unref();
    await stopComponents(components, log);
    await informers.stop();
    await transport.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));

  informers.start();
  await startComponents(components, log);
  log.info('agent runs', { port: agent.serverPort() });
};

const configPath = (args: readonly string[]): string => {
  const at = args.indexOf('--config');
  return (at >= 0 ? args[at + 1] : args.find((arg) => arg.startsWith('--config='))?.slice('--config='.length)) ?? DEFAULT_CONFIG;
};

const readConfig = (file: string): AgentConfig => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as AgentConfig;
  } catch (error) {
    throw new SlipwayError('CONFIG_INVALID', { tried: `read ${file}`, cause: error as Error });
  }
};

main().catch((error: unknown) => {
  process.stderr.write(`slipway-agent: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof SlipwayError ? error.exitCode : 1);
});
