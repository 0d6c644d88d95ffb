import { statusError } from '../../api/meta/status.ts';

/** What the client wants to see. */
export interface Wanted {
  readonly format: 'json' | 'yaml';
  /** How objects are shown: whole, as a Table, or only their metadata. */
  readonly as: '' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | 'APIGroupDiscoveryList';
  /** Version of what `as` names. */
  readonly version: string;
  /** For the answer's content-type. */
  readonly contentType: string;
}

export const PLAIN: Wanted = Object.freeze({ format: 'json', as: '', version: '', contentType: 'application/json' });

const MOST_ACCEPT_HEADERS = 256;
const seen = new Map<string, Wanted | undefined>();

/** Throws 406. Clients repeat themselves: what a header means is kept. */
export const negotiate = (accept: string | undefined): Wanted => {
  if (accept === undefined || accept === '' || accept === 'application/json') return PLAIN;
  let wanted = seen.get(accept);
  if (wanted === undefined) {
    wanted = parseAccept(accept);
    if (seen.size >= MOST_ACCEPT_HEADERS) seen.clear();
    seen.set(accept, wanted);
  }
  if (wanted === undefined) throw notAcceptable();
  return wanted;
};

export const notAcceptable = () =>
  statusError(406, 'NotAcceptable', 'only the following media types are accepted: application/json, application/yaml');

/** Whether plain JSON would do too, for answers that have no other form. */
export const acceptsPlain = (accept: string | undefined): boolean => /(^|,)\s*(application\/json|\*\/\*)\s*(,|$)/.test(accept ?? '*/*');

const parseAccept = (accept: string): Wanted | undefined => {
  for (const clause of accept.split(',')) {
    const [type = '', ...rest] = clause.split(';').map((part) => part.trim());
    const format = formatOf(type);
    if (!format) continue;
    const parameters = new Map(rest.map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)] as const));
    const as = parameters.get('as') ?? '';
    const version = parameters.get('v') ?? '';
    const group = parameters.get('g') ?? '';
    if (as === '') return { format, as, version: '', contentType: format === 'json' ? 'application/json' : 'application/yaml' };
    if (isKnown(as, group, version))
      return { format, as: as as Wanted['as'], version, contentType: `application/${format};g=${group};v=${version};as=${as}` };
  }
  return undefined;
};

const formatOf = (type: string): 'json' | 'yaml' | undefined =>
  type === 'application/json' || type === '*/*' || type === 'application/*' ? 'json' : type === 'application/yaml' ? 'yaml' : undefined;

const isKnown = (as: string, group: string, version: string): boolean =>
  as === 'APIGroupDiscoveryList'
    ? group === 'apidiscovery.k8s.io' && version === 'v2'
    : group === 'meta.k8s.io' &&
      (version === 'v1' || version === 'v1beta1') &&
      (as === 'Table' || as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList');
