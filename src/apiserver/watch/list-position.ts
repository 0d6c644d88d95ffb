import { goSyntaxError } from '../../api/decode.ts';
import { badRequest, type StatusError, statusError } from '../../api/meta/status.ts';

/** A place in a list that was begun: what a continue token says. The form is upstream's. */
export interface ListPosition {
  /** 0: the list goes on with what is newest, no longer consistent with its first page. */
  revision: number;
  /** The last key of the page before. */
  after: string;
}

const VERSION = 'meta.k8s.io/v1';

export const encodeContinue = ({ revision, after }: ListPosition): string =>
  Buffer.from(JSON.stringify({ v: VERSION, rv: revision || -1, start: `/${after}\u0000` })).toString('base64url');

/** Throws 400 in upstream's words. */
export const decodeContinue = (token: string): ListPosition => {
  const text = Buffer.from(token, 'base64url').toString();
  let raw: { v?: unknown; rv?: unknown; start?: unknown };
  try {
    raw = JSON.parse(text) as typeof raw;
  } catch (error) {
    throw badRequest(`invalid continue token: continue key is not valid: ${goSyntaxError(error as Error, text)}`);
  }
  const { v, rv, start } = raw ?? {};
  if (v !== VERSION || typeof rv !== 'number' || typeof start !== 'string' || !start.startsWith('/'))
    throw badRequest('invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  return { revision: Math.max(rv, 0), after: start.slice(1).replace(/\0$/, '') };
};

/** undefined: not given. Throws 400 in upstream's words. */
export const parseResourceVersion = (text: string | undefined): number | undefined => {
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  return Number(text);
};

export const tooLargeResourceVersion = (wanted: number, current: number): StatusError =>
  statusError(504, 'Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });

export const listExpired = (): StatusError => statusError(410, 'Expired', 'The resourceVersion for the provided list is too old.');

/** Carries a token with which the list can go on, inconsistently: in `metadata.continue`, as upstream does. */
export const continueExpired = (after: string): StatusError => {
  const error = statusError(
    410,
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
  );
  error.status.metadata = { continue: encodeContinue({ revision: 0, after }) };
  return error;
};
