import type { Kind } from '../../api/kind.ts';
import { apiVersionOf, type KubeObject } from '../../api/meta/object.ts';
import { isCustom } from '../custom/custom-kind.ts';

/** The object under the name of another version. Shares everything else. */
export const asKind = (kind: Kind, object: KubeObject): KubeObject => ({ ...object, kind: kind.kind, apiVersion: apiVersionOf(kind) });

/** One object of a resource in another of its versions. A promise where a webhook converts. */
export const convertBetween = (from: Kind, to: Kind, object: KubeObject): KubeObject | Promise<KubeObject> => {
  if (isCustom(to)) {
    const converted = to.convert([object]);
    return converted instanceof Promise ? converted.then(([one]) => one as KubeObject) : (converted[0] as KubeObject);
  }
  const stored = from.toStorage?.(object) ?? object;
  return asKind(to, to.fromStorage?.(stored) ?? stored);
};
