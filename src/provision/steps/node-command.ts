import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../base/templates/template.ts';
import { NODE_PATHS } from '../spec/node-paths.ts';

/** SQLite in Node 24 is announced as experimental at every start; the store's tests stand for it. */
export const nodeCommand = (program: string, config: string, flags: readonly string[] = []): string[] => [
  NODE_PATHS.node,
  '--disable-warning=ExperimentalWarning',
  ...flags,
  program,
  '--config',
  config,
];

/**
 * Compiled code is kept between starts. The digest of the program is part of its unit, so that a newer one is a change for which
 * the service is restarted, also when the run that laid it down was interrupted.
 */
export const nodeEnvironment = (bundle: 'slipway-server.js' | 'slipway-agent.js'): Record<string, string> => ({
  NODE_COMPILE_CACHE: `${NODE_PATHS.data}/compile-cache`,
  SLIPWAY_PROGRAM: createHash('sha256')
    .update(readFileSync(join(packageRoot(), 'dist', bundle)))
    .digest('hex')
    .slice(0, 16),
});

/**
 * Requests make many short-lived objects. A young space that is large from the start is collected half as often, and most of them die in it:
 * each collection stops every request under way. Larger than that it only costs memory: V8 takes four times the figure.
 */
export const SERVER_HEAP: readonly string[] = ['--min-semi-space-size=16', '--max-semi-space-size=16'];
