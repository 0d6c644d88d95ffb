import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/object.ts';
import type { RequestContext } from '../http/request-handler.ts';
import type { AdmissionRequest } from './admission.ts';

const FLAGS = ['stdin', 'stdout', 'stderr', 'tty'];

/** Opening a stream or a proxy as admission sees it; undefined for what is only read (logs). */
export const connectRequest = (context: RequestContext, kind: Kind): AdmissionRequest | undefined => {
  const { info, user } = context;
  if (info.subresource === 'log') return undefined;
  return {
    operation: 'CONNECT',
    kind,
    subresource: info.subresource,
    namespace: kind.namespaced ? info.namespace : '',
    name: info.subresource === 'proxy' ? (info.name.split(':').at(info.name.split(':').length === 3 ? 1 : 0) ?? '') : info.name,
    user,
    dryRun: false,
    object: optionsOf(context, kind),
    old: undefined,
    warn: () => {
      // A stream has no place for warnings.
    },
    mutated: { changed: false, called: new Set() },
  };
};

const optionsOf = ({ info, query }: RequestContext, kind: Kind): KubeObject => {
  const fields: Record<string, unknown> = {};
  if (info.subresource === 'proxy') fields['path'] = info.tail || '/';
  for (const flag of FLAGS) if (query.get(flag) === 'true' || query.get(flag) === '1') fields[flag] = true;
  if (query.get('container')) fields['container'] = query.get('container');
  if (query.getAll('command').length) fields['command'] = query.getAll('command');
  if (query.getAll('ports').length) fields['ports'] = query.getAll('ports').map(Number);
  const body = kind.subresources[info.subresource]?.kind ?? kind.kind;
  return { kind: body, apiVersion: 'v1', ...fields } as unknown as KubeObject;
};
