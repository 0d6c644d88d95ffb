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

/** Compiled code is kept between starts. */
export const NODE_ENVIRONMENT: Readonly<Record<string, string>> = { NODE_COMPILE_CACHE: `${NODE_PATHS.data}/compile-cache` };

/**
 * Requests make many short-lived objects. A young space that is large from the start is collected half as often, and most of them die in it:
 * each collection stops every request under way.
 */
export const SERVER_HEAP: readonly string[] = ['--min-semi-space-size=16'];
