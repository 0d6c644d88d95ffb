import { setFlagsFromString } from 'node:v8';

/**
 * Patterns in policies, webhooks' conditions and rules of custom resources are somebody else's, and they are matched on the thread that
 * serves everyone. A match that tries out too many ways goes on in V8's linear engine, which Go's RE2 is by nature; patterns that it does
 * not know (look-around, references, the flag u) stay as they are. To be called before anything else.
 */
export const matchInLinearTime = (): void => setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
