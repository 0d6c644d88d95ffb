/**
 * What a URL means. The grammar is fixed: `/api/v1` and `/apis/GROUP/VERSION`, then optionally `watch`, optionally `namespaces/NS`, then
 * RESOURCE[/NAME[/SUBRESOURCE[/tail]]]. Everything else is a non-resource path.
 */
export interface RequestInfo {
  readonly isResource: boolean;
  /** The path as it was sent, without the query. */
  readonly path: string;
  /** `get list watch create update patch delete deletecollection`, or the method in small letters for non-resource paths. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** What follows the subresource, with its leading slash: the path that a proxy forwards. '' when there is none. */
  readonly tail: string;
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
  GET: 'get',
  HEAD: 'get',
};
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

const decode = (part: string): string => {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

const nonResource = (method: string, path: string): RequestInfo => ({
  isResource: false,
  path,
  verb: method.toLowerCase(),
  group: '',
  version: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  tail: '',
});

const isTrue = (value: string | null | undefined): boolean => value === '' || value === 'true' || value === '1' || value === 'True';

/** `query` is only asked for `watch` and `fieldSelector`. */
export const requestInfoOf = (method: string, path: string, query: { get(name: string): string | null }): RequestInfo => {
  const parts = path.split('/');
  // parts[0] is '' before the leading slash.
  let at: number;
  let group = '';
  let version: string;
  if (parts[1] === 'api' && parts.length >= 4 && parts[3] !== '') {
    version = parts[2] ?? '';
    at = 3;
  } else if (parts[1] === 'apis' && parts.length >= 5 && parts[4] !== '') {
    group = parts[2] ?? '';
    version = parts[3] ?? '';
    at = 4;
  } else return nonResource(method, path);

  let verb = VERBS[method] ?? '';
  if (parts[at] === 'watch' && parts.length > at + 1) {
    verb = 'watch';
    at++;
  }
  let namespace = '';
  let resource: string;
  let name = '';
  let subresource = '';
  let tailAt: number;
  if (parts[at] === 'namespaces' && parts.length > at + 1 && parts[at + 1] !== '') {
    namespace = decode(parts[at + 1] as string);
    const third = parts[at + 2];
    if (third === undefined || third === '' || (NAMESPACE_SUBRESOURCES.has(third) && parts.length === at + 3)) {
      resource = 'namespaces';
      name = namespace;
      subresource = third ?? '';
      tailAt = at + 3;
    } else {
      resource = third;
      name = decode(parts[at + 3] ?? '');
      subresource = parts[at + 4] ?? '';
      tailAt = at + 5;
    }
  } else {
    resource = parts[at] as string;
    name = decode(parts[at + 1] ?? '');
    subresource = parts[at + 2] ?? '';
    tailAt = at + 3;
  }
  const tail = parts.length > tailAt ? `/${parts.slice(tailAt).join('/')}` : '';
  if (name === '') {
    if (verb === 'get') {
      verb = query.get('watch') !== null && isTrue(query.get('watch')) ? 'watch' : 'list';
    } else if (verb === 'delete') verb = 'deletecollection';
    if (verb === 'list' || verb === 'watch' || verb === 'deletecollection') name = nameOfSelector(query.get('fieldSelector'));
  }
  return { isResource: true, path, verb, group, version, resource, subresource, namespace, name, tail };
};

/** A list by `metadata.name=x` is authorised as a read of x. */
const nameOfSelector = (selector: string | null): string => {
  if (!selector?.includes('metadata.name')) return '';
  for (const term of selector.split(',')) {
    const match = /^metadata\.name==?([^!=]+)$/.exec(term);
    if (match?.[1]) return match[1];
  }
  return '';
};
