import type { KubeObject } from './meta/object.ts';

/**
 * How a request travels to an API server: over HTTPS (client/rest) or by a call inside the process (apiserver). Both give the
 * same answers; the in-process one hands out frozen objects that are shared with the watch cache.
 */
export interface Transport {
  /** Rejects with `StatusError` for every answer of 400 and above. */
  send(request: ApiRequest): Promise<ApiResponse>;
  /**
   * A watch (`query.watch` is set by the transport). Ends when the server ends it, when `signal` aborts, or by throwing: a
   * `StatusError` of reason `Expired` means that the caller must list again.
   */
  watch(request: ApiRequest): AsyncIterable<ApiEvent>;
  close(): Promise<void>;
}

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/api/v1/namespaces/default/pods`, without a query. */
  path: string;
  query?: Readonly<Record<string, string | undefined>>;
  /** For PATCH: which patch the body is. Default `application/json`. */
  contentType?: PatchType | 'application/json';
  /** Default `application/json`. */
  accept?: string;
  body?: unknown;
  signal?: AbortSignal;
}

export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/apply-patch+yaml';

export interface ApiResponse {
  status: number;
  /** Parsed JSON, or text where the answer is not JSON (logs). */
  body: unknown;
  warnings: readonly string[];
}

export interface ApiEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: KubeObject;
}

/** Who asks. Groups include `system:authenticated` once authentication is over. */
export interface UserInfo {
  name: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}
