import { type StatusError, statusError } from '../../api/meta/status.ts';
import type { UserInfo } from '../../api/transport.ts';

/** What is to be decided. For a resource `path` is ''; for a path the rest is ''. */
export interface AccessRequest {
  readonly user: UserInfo;
  readonly verb: string;
  readonly group: string;
  readonly version?: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  /** Of a list or watch, as sent: some may only list what they select. */
  readonly fieldSelector?: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Why not, or which rule allowed it. */
  readonly reason: string;
}

export interface Authorizer {
  /** `undefined`: no opinion. A promise only where something must be read. */
  authorize(request: AccessRequest): Decision | undefined | Promise<Decision | undefined>;
}

/** Asks each in turn; the first opinion counts. Reasons of those without opinion are gathered, as upstream's union does. */
export const createUnionAuthorizer =
  (authorizers: readonly Authorizer[]) =>
  async (request: AccessRequest): Promise<Decision> => {
    const reasons: string[] = [];
    for (const authorizer of authorizers) {
      const answer = authorizer.authorize(request);
      const decision = answer instanceof Promise ? await answer : answer;
      if (decision?.allowed) return decision;
      if (decision?.reason) reasons.push(decision.reason);
    }
    return { allowed: false, reason: reasons.join(', ') };
  };

/** `pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "default"`. */
export const forbiddenRequest = (request: AccessRequest, reason: string): StatusError => {
  const end = reason ? `: ${reason}` : '';
  const who = `User ${JSON.stringify(request.user.name)} cannot ${request.verb}`;
  if (request.path) return statusError(403, 'Forbidden', `forbidden: ${who} path ${JSON.stringify(request.path)}${end}`, {});
  const resource = request.subresource ? `${request.resource}/${request.subresource}` : request.resource;
  const where = request.namespace ? `in the namespace ${JSON.stringify(request.namespace)}` : 'at the cluster scope';
  return forbidden(request, `${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(request.group)} ${where}${end}`);
};

/** `pods "web" is forbidden: why`. */
export const forbidden = (target: { group: string; resource: string; name: string }, why: string): StatusError => {
  const resource = target.group ? `${target.resource}.${target.group}` : target.resource;
  return statusError(403, 'Forbidden', `${resource}${target.name ? ` ${JSON.stringify(target.name)}` : ''} is forbidden: ${why}`, {
    ...(target.name ? { name: target.name } : {}),
    ...(target.group ? { group: target.group } : {}),
    kind: target.resource,
  });
};
