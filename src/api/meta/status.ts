/** Kubernetes' answer to a failed request. Messages and reasons are spelled as kube-apiserver spells them. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, unknown>;
  status: 'Failure' | 'Success';
  message?: string;
  reason?: StatusReason;
  details?: StatusDetails;
  code?: number;
}

export type StatusReason =
  | ''
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Expired'
  | 'Invalid'
  | 'ServerTimeout'
  | 'Timeout'
  | 'TooManyRequests'
  | 'BadRequest'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'StoreReadError';

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface StatusCause {
  /** `FieldValueInvalid`, `FieldValueRequired`, ... */
  reason?: string;
  message?: string;
  field?: string;
}

/** Thrown inside the API server and by the client: the same Status on both ends. */
export class StatusError extends Error {
  readonly status: Status;

  constructor(status: Status) {
    super(status.message ?? status.reason ?? 'unknown');
    this.name = 'StatusError';
    this.status = status;
  }

  get code(): number {
    return this.status.code ?? 500;
  }

  get reason(): StatusReason {
    return this.status.reason ?? '';
  }
}

export const hasReason = (error: unknown, reason: StatusReason): error is StatusError =>
  error instanceof StatusError && error.reason === reason;

export const isNotFound = (error: unknown): error is StatusError => hasReason(error, 'NotFound');
export const isConflict = (error: unknown): error is StatusError => hasReason(error, 'Conflict');
export const isAlreadyExists = (error: unknown): error is StatusError => hasReason(error, 'AlreadyExists');

const failure = (code: number, reason: StatusReason, message: string, details?: StatusDetails): StatusError =>
  new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details ? { details } : {}),
    code,
  });

const qualified = (resource: { group: string; plural: string }): string =>
  resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;

const about = (resource: { group: string; plural: string }, name: string): StatusDetails => ({
  name,
  ...(resource.group ? { group: resource.group } : {}),
  kind: resource.plural,
});

type ResourceOf = { group: string; plural: string };

export const notFound = (resource: ResourceOf, name: string): StatusError =>
  failure(404, 'NotFound', `${qualified(resource)} "${name}" not found`, about(resource, name));

export const alreadyExists = (resource: ResourceOf, name: string): StatusError =>
  failure(409, 'AlreadyExists', `${qualified(resource)} "${name}" already exists`, about(resource, name));

export const conflict = (resource: ResourceOf, name: string, why: string): StatusError =>
  failure(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`, about(resource, name));

export const badRequest = (message: string): StatusError => failure(400, 'BadRequest', message);

export const expired = (message: string): StatusError => failure(410, 'Expired', message);

export const internalError = (message: string): StatusError =>
  failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });

export const statusError = failure;
