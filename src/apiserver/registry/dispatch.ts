import type { Kind } from '../../api/kind.ts';
import { statusError } from '../../api/meta/status.ts';
import type { Answer, ApiCall } from './call.ts';
import type { Registry } from './registry.ts';

/** What answers one subresource (`/pods/binding`), or the creation of a kind that is not stored (`authorization.k8s.io/subjectaccessreviews`). */
export type SpecialHandler = (call: ApiCall) => Promise<Answer>;

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

export const isWrite = (verb: string): boolean => WRITES.has(verb);

export const methodNotAllowed = () =>
  statusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

export const noSuchResource = () => statusError(404, 'NotFound', 'the server could not find the requested resource', {});

/** Finds what answers a call: the generic registry, or a special handler where there is one. */
export class Dispatcher {
  readonly #registry: Registry;
  readonly #special: ReadonlyMap<string, SpecialHandler>;

  /** Keys: `group/plural/subresource`, `*\/subresource` for every kind that has it, or `group/plural` for kinds that are not stored. */
  constructor(registry: Registry, special: ReadonlyMap<string, SpecialHandler>) {
    this.#registry = registry;
    this.#special = special;
  }

  dispatch(call: ApiCall): Promise<Answer> {
    const { kind, info } = call;
    checkVerb(kind, call);
    const special =
      this.#special.get(info.subresource ? `${kind.group}/${kind.plural}/${info.subresource}` : `${kind.group}/${kind.plural}`) ??
      this.#special.get(`*/${info.subresource}`);
    if (special) return special(call);
    const registry = this.#registry;
    switch (info.verb) {
      case 'get':
        return registry.get(call);
      case 'list':
        return registry.list(call);
      case 'watch':
        return registry.watch(call);
      case 'create':
        if (info.subresource) throw methodNotAllowed();
        return registry.create(call);
      case 'update':
        return registry.update(call);
      case 'patch':
        return registry.patch(call);
      case 'delete':
        return registry.delete(call);
      case 'deletecollection':
        return registry.deleteCollection(call);
      default:
        throw methodNotAllowed();
    }
  }
}

/** Throws 404 for a subresource that is not there, 405 for a verb that the kind does not know or that stands at the wrong place. */
const checkVerb = (kind: Kind, { info }: ApiCall): void => {
  if (info.subresource) {
    const subresource = kind.subresources[info.subresource];
    if (!subresource) throw noSuchResource();
    if (!subresource.verbs.includes(info.verb)) throw methodNotAllowed();
    return;
  }
  if (!kind.verbs.includes(info.verb)) throw methodNotAllowed();
  const wantsName = info.verb === 'get' || info.verb === 'update' || info.verb === 'patch' || info.verb === 'delete';
  if (wantsName ? !info.name : info.verb === 'create' && info.name !== '') throw methodNotAllowed();
  if (kind.namespaced && info.namespace === '' && info.verb !== 'list' && info.verb !== 'watch') {
    // A review of one's own access is namespaced by its body, everything else by its URL.
    throw methodNotAllowed();
  }
};
