import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { Scheme } from '../../api/scheme.ts';
import type { UserInfo } from '../../api/transport.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { AccessRequest, Decision } from '../auth/authorizer.ts';
import type { RbacAuthorizer } from '../auth/rbac-authorizer.ts';
import type { WatchCache } from '../watch/watch-cache.ts';
import type { WebhookClient } from '../webhooks/webhook-client.ts';

/** One write as admission sees it. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  /** The kind of the resource in the URL. */
  readonly kind: Kind;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** What is to be stored; mutating plugins change it in place. Undefined for DELETE. */
  readonly object: KubeObject | undefined;
  /** Frozen. Undefined for CREATE. */
  readonly old: KubeObject | undefined;
  warn(text: string): void;
  /** What webhooks and policies have done so far. */
  readonly mutated: Mutated;
  /** Set on the second round, which follows when one of them changed the object: what the first one had done. */
  readonly reinvocation?: Mutated;
}

export interface Mutated {
  changed: boolean;
  /** Who was asked; each plugin puts in what it likes. */
  readonly called: Set<unknown>;
}

/** What plugins may look at. */
export interface AdmissionWorld {
  readonly cache: WatchCache;
  readonly now: () => number;
  readonly rbac: RbacAuthorizer;
  readonly authorize: (request: AccessRequest) => Promise<Decision>;
  readonly scheme: () => Scheme;
  readonly webhooks: WebhookClient;
  readonly log: Logger;
  /** How long pods without tolerations of their own stay on a node that is not ready. */
  readonly podEvictionSeconds?: number | undefined;
}

/**
 * One rule about writes: one file that exports one `create...(world)`, and one line in plugins.ts. `admit` may change the object and runs
 * before validation, `validate` after it. Refusal is a thrown StatusError. Undo for what a plugin reserved is returned by `validate`.
 */
export interface AdmissionPlugin {
  readonly name: string;
  /** `group/plural` of what it is about, or `*`. */
  readonly resources: readonly string[];
  /** It also wants to hear of CONNECT. */
  readonly connects?: true;
  admit?(request: AdmissionRequest): void | Promise<void>;
  /** May return a function that is called once the write is over, whether it was stored or not. */
  validate?(request: AdmissionRequest): void | Release | Promise<Release | undefined> | Promise<void>;
}

export type Release = (stored: boolean) => void;

export class Admission {
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #mutating = new Map<string, readonly AdmissionPlugin[]>();
  readonly #validating = new Map<string, readonly AdmissionPlugin[]>();

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  /** A promise only when a plugin must wait. When webhooks or policies changed the object, everybody is asked once more. */
  admit(request: AdmissionRequest): void | Promise<void> {
    const wait = this.#admitOnce(request);
    if (wait)
      return wait.then(() => {
        const { mutated } = request;
        if (mutated.changed) return this.#admitOnce({ ...request, mutated: { changed: false, called: new Set() }, reinvocation: mutated });
      });
  }

  /** For exec, attach, port-forward and proxies. */
  async connect(request: AdmissionRequest): Promise<void> {
    const plugins = this.#plugins.filter((plugin) => plugin.connects);
    for (const plugin of plugins) await plugin.admit?.(request);
    for (const plugin of plugins) await plugin.validate?.(request);
  }

  #admitOnce(request: AdmissionRequest): void | Promise<void> {
    const plugins = this.#for(this.#mutating, request.kind, 'admit');
    for (let at = 0; at < plugins.length; at++) {
      const wait = plugins[at]?.admit?.(request);
      if (wait) return this.#admitRest(request, { plugins, after: at, wait });
    }
  }

  async #admitRest(
    request: AdmissionRequest,
    from: { plugins: readonly AdmissionPlugin[]; after: number; wait: Promise<void> },
  ): Promise<void> {
    await from.wait;
    for (let at = from.after + 1; at < from.plugins.length; at++) await from.plugins[at]?.admit?.(request);
  }

  /** What plugins want to be told at the end, in one function; undefined for none. */
  async validate(request: AdmissionRequest): Promise<Release | undefined> {
    const plugins = this.#for(this.#validating, request.kind, 'validate');
    let releases: Release[] | undefined;
    try {
      for (const plugin of plugins) {
        const answer = plugin.validate?.(request);
        const release = answer instanceof Promise ? await answer : answer;
        if (release) {
          releases ??= [];
          releases.push(release);
        }
      }
    } catch (error) {
      for (const release of releases ?? []) release(false);
      throw error;
    }
    const all = releases;
    return (
      all &&
      ((stored) => {
        for (const release of all) release(stored);
      })
    );
  }

  #for(table: Map<string, readonly AdmissionPlugin[]>, kind: Kind, method: 'admit' | 'validate'): readonly AdmissionPlugin[] {
    const key = `${kind.group}/${kind.plural}`;
    let plugins = table.get(key);
    if (!plugins) {
      plugins = this.#plugins.filter(
        (plugin) => plugin[method] !== undefined && (plugin.resources.includes('*') || plugin.resources.includes(key)),
      );
      table.set(key, plugins);
    }
    return plugins;
  }
}
