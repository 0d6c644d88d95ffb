import { serviceAccount } from '../../api/core/service-account.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { TokenRequest } from '../../api/types/authentication-v1.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';

export interface TokenSource {
  /** A token of the pod's service account, bound to the pod; the same one until it nears its end. */
  token(pod: Stored<Pod>, options: { audience: string | undefined; expirationSeconds: number }): Promise<string>;
  forget(podUid: string): void;
}

/** Renewed when four fifths of its life are over, and at least daily. */
const RENEW_AT = 0.8;
const MAX_AGE_MS = 24 * 3600 * 1000;

export const createTokenSource = (client: Client, now: () => number): TokenSource => {
  const cache = new Map<string, { token: string; renewAt: number }>();
  return {
    token: async (pod, { audience, expirationSeconds }) => {
      const { namespace = '', name = '', uid = '' } = pod.metadata;
      const account = pod.spec?.serviceAccountName || 'default';
      const key = `${uid}/${account}/${audience ?? ''}/${expirationSeconds}`;
      const known = cache.get(key);
      if (known && now() < known.renewAt) return known.token;
      const request: TokenRequest = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { audiences: audience ? [audience] : [], expirationSeconds, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
      };
      try {
        const answer = await client.create<TokenRequest>(serviceAccount, request, { namespace, name: account, subresource: 'token' });
        const lifeMs = Date.parse(answer.status?.expirationTimestamp ?? '') - now();
        cache.set(key, { token: answer.status?.token ?? '', renewAt: now() + Math.min(MAX_AGE_MS, lifeMs * RENEW_AT) });
        return answer.status?.token ?? '';
      } catch (error) {
        // One that still works is better than none while the API is away.
        if (known) return known.token;
        throw error;
      }
    },
    forget: (podUid) => {
      for (const key of cache.keys()) if (key.startsWith(`${podUid}/`)) cache.delete(key);
    },
  };
};
