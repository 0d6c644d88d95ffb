import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createAgent } from '../agent/agent.ts';
import { CertificateKeeper, readCredentials } from '../agent/certificates/certificate-keeper.ts';
import { createNodeNetwork } from '../agent/network/network.ts';
import type { AgentConfig } from '../api/config/agent-config.ts';
import { startComponents, stopComponents } from '../base/async/component.ts';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import { createLogger } from '../base/log/logger.ts';
import { createClient } from '../client/create-client.ts';
import { createInformerFactory } from '../client/informer/informer-factory.ts';
import { createRestTransport } from '../client/rest/rest-transport.ts';

const DEFAULT_CONFIG = '/etc/slipway/agent.json';
const STOP_LIMIT_MS = 10_000;

/** `slipway-agent [--config FILE]`: a node's agent. SIGTERM ends the agent alone; pods run on. */
const main = async (): Promise<void> => {
  const config = readConfig(configPath(process.argv.slice(2)));
  const log = createLogger({ level: config.logLevel ?? 'info', fields: { program: 'slipway-agent', node: config.nodeName } });
  // A connection that breaks in a corner nobody listens to must not take the node's agent with it.
  process.on('unhandledRejection', (error) => log.error('a promise was rejected and nobody listened', { error }));
  process.on('uncaughtException', (error) => {
    log.error('uncaught exception', { error });
    process.exit(1);
  });

  await mkdir(config.rootDir, { recursive: true });
  const credentials = readCredentials(config.pki);
  const transport = createRestTransport({
    servers: config.apiServers,
    ...credentials.client,
    // No certificate of a node has this name, whatever addresses it has.
    serverName: 'kubernetes',
    userAgent: 'slipway-agent',
  });
  const client = createClient(transport);
  const informers = createInformerFactory({ client, log: log.child({ component: 'informers' }) });
  const network = createNodeNetwork({ informers, config, log });
  const agent = await createAgent({ config, client, informers, log, network, tls: credentials.serving });
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
  const components = [network, ...agent.components, certificates];

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
