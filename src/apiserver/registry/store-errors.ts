import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import { alreadyExists, conflict, internalError, notFound, statusError } from '../../api/meta/status.ts';
import { StoreError } from '../../store/store.ts';

const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

export const modified = (kind: Kind, name: string) => conflict(kind, name, MODIFIED);

/** The Status for what the store said about a write of `name`; other errors come back as they are. */
export const writeError = (kind: Kind, name: string, error: unknown): unknown => {
  if (!(error instanceof StoreError)) return error;
  switch (error.kind) {
    case 'KeyExists':
      return isEnding(error.current?.value) ? beingDeleted(kind, name) : alreadyExists(kind, name);
    case 'KeyNotFound':
      return notFound(kind, name);
    case 'RevisionMismatch':
      return modified(kind, name);
    case 'StoreFull':
      return statusError(507 as number, 'InternalError', 'the store is full: reads and deletions go on, other writes are refused');
    case 'StoreClosed':
      return statusError(503, 'ServiceUnavailable', 'apiserver is shutting down');
    default:
      return internalError(error.message);
  }
};

const isEnding = (value: Uint8Array | undefined): boolean =>
  value !== undefined && (JSON.parse(Buffer.from(value).toString('utf8')) as KubeObject).metadata.deletionTimestamp !== undefined;

const beingDeleted = (kind: Kind, name: string) => {
  const { message, status } = alreadyExists(kind, name);
  return statusError(409, 'AlreadyExists', `object is being deleted: ${message}`, status.details);
};

export const isMismatch = (error: unknown): boolean => error instanceof StoreError && error.kind === 'RevisionMismatch';
