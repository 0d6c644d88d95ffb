import type { Kind } from '../../api/kind.ts';
import { invalidObject, notSupported } from '../../api/meta/field-error.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { PatchType, UserInfo } from '../../api/transport.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { CachedItem, WatchCursor } from '../watch/watch-cache.ts';

/** Reads one value of the query; null where it is not given. */
export interface Query {
  get(name: string): string | null;
}

/** The body as it came. Exactly one of `text` and `value` is there when a body was sent. */
export interface RequestBody {
  readonly contentType: PatchType | 'application/json' | 'application/yaml' | '';
  /** From the wire. */
  readonly text?: string | undefined;
  /** From inside the process: never changed, copied where needed. */
  readonly value?: unknown;
}

/** A request for a resource, past authentication and authorisation; the same for both roads (HTTP and in-process). */
export interface ApiCall {
  readonly info: RequestInfo;
  /** The kind of the resource in the URL, in the version asked for. */
  readonly kind: Kind;
  readonly user: UserInfo;
  readonly query: Query;
  readonly body: RequestBody;
  readonly userAgent: string;
  /** Lines for `Warning:` headers. */
  readonly warnings: string[];
}

/** What a call comes to. `kind` says how it is shown. */
export type Answer =
  | { readonly type: 'item'; readonly code: number; readonly kind: Kind; readonly item: CachedItem }
  | {
      readonly type: 'object';
      readonly code: number;
      readonly kind: Kind | undefined;
      readonly object: KubeObject | Record<string, unknown>;
    }
  | ListAnswer
  | WatchAnswer;

export interface ListAnswer {
  readonly type: 'list';
  readonly kind: Kind;
  readonly items: readonly CachedItem[];
  readonly resourceVersion: string;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
}

export interface WatchAnswer {
  readonly type: 'watch';
  readonly kind: Kind;
  readonly cursor: WatchCursor;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  readonly fieldManager: string;
  readonly force: boolean;
}

const FIELD_VALIDATION = ['', 'Ignore', 'Strict', 'Warn'];
const MOST_MANAGER_CHARACTERS = 128;

/** The options of a write, from its query. Throws 422 as upstream does. */
export const writeOptionsOf = (
  call: Pick<ApiCall, 'query' | 'userAgent'>,
  optionsKind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
): WriteOptions => {
  const { query } = call;
  const dryRun = query.get('dryRun') ?? '';
  const fieldValidation = query.get('fieldValidation') ?? '';
  const errors = [];
  if (dryRun !== '' && dryRun !== 'All') errors.push(notSupported('dryRun', [dryRun], ['All']));
  if (!FIELD_VALIDATION.includes(fieldValidation)) errors.push(notSupported('fieldValidation', fieldValidation, FIELD_VALIDATION));
  if (errors.length) throw invalidObject({ group: 'meta.k8s.io', kind: optionsKind }, '', errors);
  const manager = query.get('fieldManager') || call.userAgent.split('/')[0] || 'unknown';
  return {
    dryRun: dryRun === 'All',
    fieldValidation: fieldValidation === '' ? 'Warn' : (fieldValidation as WriteOptions['fieldValidation']),
    fieldManager: manager.slice(0, MOST_MANAGER_CHARACTERS),
    force: query.get('force') === 'true' || query.get('force') === '1',
  };
};
