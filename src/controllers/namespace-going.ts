import { hasReason } from '../api/meta/status.ts';

/** Nothing is made in a namespace that is being deleted, and for a controller that is no failure. */
export const isNamespaceGoing = (error: unknown): boolean =>
  hasReason(error, 'Forbidden') && (error.status.details?.causes ?? []).some((cause) => cause.reason === 'NamespaceTerminating');
