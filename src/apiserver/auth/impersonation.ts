import type { IncomingHttpHeaders } from 'node:http2';
import { badRequest } from '../../api/meta/status.ts';
import type { UserInfo } from '../../api/transport.ts';
import { AUTHENTICATED } from './authenticator.ts';
import { type AccessRequest, type Decision, forbiddenRequest } from './authorizer.ts';

const EXTRA = 'impersonate-extra-';
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** Who the request is to count as, if the asker may impersonate each part of it. Throws 400 or 403. */
export const impersonate = async (
  user: UserInfo,
  headers: IncomingHttpHeaders,
  authorize: (request: AccessRequest) => Promise<Decision>,
): Promise<UserInfo> => {
  const name = single(headers['impersonate-user']);
  const uid = single(headers['impersonate-uid']);
  const groups = many(headers['impersonate-group']);
  const extra: Record<string, string[]> = {};
  for (const [header, value] of Object.entries(headers))
    if (header.startsWith(EXTRA)) extra[decodeURIComponent(header.slice(EXTRA.length))] = many(value);
  if (!name) {
    if (uid || groups.length || Object.keys(extra).length)
      throw badRequest(
        `requested &user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:[]string{${groups.map((group) => JSON.stringify(group)).join(', ')}}, Extra:map[string][]string(nil)} without impersonating a user name`,
      );
    return user;
  }
  const check = async (what: Pick<AccessRequest, 'group' | 'resource' | 'name'> & Partial<AccessRequest>): Promise<void> => {
    const request: AccessRequest = { user, verb: 'impersonate', subresource: '', namespace: '', path: '', ...what };
    const decision = await authorize(request);
    if (!decision.allowed) throw forbiddenRequest(request, decision.reason);
  };
  const account = SERVICE_ACCOUNT.exec(name);
  if (account) await check({ group: '', resource: 'serviceaccounts', namespace: account[1] ?? '', name: account[2] ?? '' });
  else await check({ group: '', resource: 'users', name });
  for (const group of groups) await check({ group: '', resource: 'groups', name: group });
  for (const [key, values] of Object.entries(extra))
    for (const value of values) await check({ group: 'authentication.k8s.io', resource: 'userextras', subresource: key, name: value });
  if (uid) await check({ group: 'authentication.k8s.io', resource: 'uids', name: uid });
  const own = account && groups.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : [...groups];
  const last = name === 'system:anonymous' ? 'system:unauthenticated' : AUTHENTICATED;
  if (!own.includes(last)) own.push(last);
  return { name, groups: own, ...(uid ? { uid } : {}), ...(Object.keys(extra).length ? { extra } : {}) };
};

const single = (value: string | string[] | undefined): string => (Array.isArray(value) ? (value[0] ?? '') : (value ?? ''));

/** Node joins repeated headers with commas. */
const many = (value: string | string[] | undefined): string[] =>
  (Array.isArray(value) ? value : value === undefined ? [] : value.split(',')).map((one) => one.trim()).filter((one) => one !== '');
