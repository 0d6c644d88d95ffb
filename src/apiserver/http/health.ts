import { statusError } from '../../api/meta/status.ts';
import type { Store } from '../../store/store.ts';
import type { RequestContext, RouteHandler } from './request-handler.ts';

export interface HealthCheck {
  readonly name: string;
  /** Throws, or resolves to a reason, when it is not well. */
  check(): Promise<string | undefined> | string | undefined;
}

const PATHS = /^\/(healthz|livez|readyz)(\/(.*))?$/;

/** `/healthz`, `/livez`, `/readyz`, each also with the name of one check behind it; `?verbose` lists all. */
export const healthRoute =
  (checks: Readonly<Record<'healthz' | 'livez' | 'readyz', readonly HealthCheck[]>>) =>
  (path: string): RouteHandler | undefined => {
    const match = PATHS.exec(path);
    if (!match) return undefined;
    const which = match[1] as 'healthz' | 'livez' | 'readyz';
    const one = match[3] ?? '';
    if (one === '') return (context) => answer(context, which, checks[which]);
    const check = checks[which].find(({ name }) => name === one);
    return check && ((context) => answer(context, which, [check], true));
  };

const answer = async (context: RequestContext, which: string, checks: readonly HealthCheck[], single = false): Promise<void> => {
  const excluded = new Set(context.query.getAll('exclude'));
  const lines: string[] = [];
  let failed = false;
  for (const check of checks) {
    if (excluded.has(check.name)) {
      lines.push(`[+]${check.name} excluded: ok`);
      continue;
    }
    const problem = await Promise.resolve(check.check()).catch((error: unknown) => String(error));
    if (problem === undefined) lines.push(`[+]${check.name} ok`);
    else {
      failed = true;
      lines.push(`[-]${check.name} failed: reason withheld`);
    }
  }
  context.headers['content-type'] = 'text/plain; charset=utf-8';
  context.headers['x-content-type-options'] = 'nosniff';
  context.code = failed ? 500 : 200;
  if (failed && single) throw statusError(500, 'InternalError', `internal server error: ${lines.join('\n')}`);
  const verbose = context.query.get('verbose') !== null;
  const text = failed
    ? `${lines.join('\n')}\n${which} check failed\n`
    : verbose && !single
      ? `${lines.join('\n')}\n${which} check passed\n`
      : 'ok';
  context.exchange.respond(context.code, context.headers, text);
};

/** What the three endpoints look at. `livez` leaves out what a restart would not mend. */
export const healthChecks = (of: {
  store: Store;
  ready: () => boolean;
}): Readonly<Record<'healthz' | 'livez' | 'readyz', readonly HealthCheck[]>> => {
  const ping: HealthCheck = { name: 'ping', check: () => undefined };
  const store: HealthCheck = {
    name: 'store',
    check: async () => {
      await of.store.status();
      return undefined;
    },
  };
  const started: HealthCheck = { name: 'poststarthook/bootstrap', check: () => (of.ready() ? undefined : 'not finished') };
  const informers: HealthCheck = { name: 'informer-sync', check: () => (of.ready() ? undefined : 'not finished') };
  return { healthz: [ping, store, started], livez: [ping, store], readyz: [ping, store, informers, started] };
};
