import { flushCompileCache } from 'node:module';
import { parseArgs } from 'node:util';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import { createLogger } from '../base/log/logger.ts';
import { startControlPlane } from './control-plane.ts';
import { matchInLinearTime } from './linear-patterns.ts';
import { DEFAULT_SERVER_CONFIG, readServerConfig } from './server-config-file.ts';

/**
 * The control plane as one program: `slipway-server [--config FILE]`. SIGTERM and SIGINT stop it in order; a second one, or ten seconds,
 * end it at once. It loses nothing either way: what was acknowledged is on disk.
 */
const STOP_TIMEOUT_MS = 10_000;
/** By then everything that a start needs has been compiled once. */
const COMPILE_CACHE_AFTER_MS = 15_000;

const main = async (): Promise<void> => {
  const startedAt = performance.now();
  matchInLinearTime();
  const { values } = parseArgs({ options: { config: { type: 'string', default: DEFAULT_SERVER_CONFIG } } });
  const config = await readServerConfig(values.config);
  const log = createLogger({ level: config.logLevel ?? 'info' });
  process.on('unhandledRejection', (error) => log.error('unhandled rejection', { error }));

  const controlPlane = await startControlPlane({ config, log });
  log.info('slipway-server runs', {
    cluster: config.clusterName,
    components: config.components,
    port: controlPlane.port,
    startMs: Math.round(performance.now() - startedAt),
    processMs: Math.round(performance.now()),
  });
  // A server is often ended by a power failure, and then a cache that is written at exit never comes to be.
  setTimeout(flushCompileCache, COMPILE_CACHE_AFTER_MS).unref();

  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info('slipway-server stops', { signal });
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
    void controlPlane.stop().then(() => process.exit(0));
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
};

main().catch((error: unknown) => {
  const log = createLogger();
  if (error instanceof SlipwayError) log.error(error.message, { code: error.code, advice: error.advice });
  else log.error('slipway-server cannot start', { error });
  process.exit(error instanceof SlipwayError ? error.exitCode : 1);
});
