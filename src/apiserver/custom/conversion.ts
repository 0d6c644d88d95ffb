import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../api/meta/object.ts';
import { internalError, type Status } from '../../api/meta/status.ts';
import type { CustomResourceDefinitionSpec } from '../../api/types/apiextensions-v1.ts';
import type { WebhookAddress, WebhookClient } from '../webhooks/webhook-client.ts';

const TIMEOUT_MS = 30_000;

interface ConversionResponse {
  uid?: string;
  result?: Partial<Status>;
  convertedObjects?: KubeObject[];
}

/** Brings objects of any version of a definition to `apiVersion`. Those that are in it already are given back as they are. */
export type Converter = (objects: readonly KubeObject[], apiVersion: string) => readonly KubeObject[] | Promise<readonly KubeObject[]>;

/** As the definition says: only the name of the version changes, or a webhook converts. */
export const createConverter = (spec: CustomResourceDefinitionSpec, client: WebhookClient): Converter => {
  const { conversion, group, names } = spec;
  const { clientConfig, conversionReviewVersions = ['v1'] } = conversion?.webhook ?? {};
  if (conversion?.strategy !== 'Webhook' || !clientConfig)
    return (objects, apiVersion) => objects.map((object) => (object.apiVersion === apiVersion ? object : { ...object, apiVersion }));
  const version = conversionReviewVersions.find((one) => one === 'v1' || one === 'v1beta1') ?? 'v1';
  return async (objects, apiVersion) => {
    const others = objects.filter((object) => object.apiVersion !== apiVersion);
    if (others.length === 0) return objects;
    const fail = (why: string) => internalError(`conversion webhook for ${others[0]?.apiVersion}, Kind=${names.kind} failed: ${why}`);
    const uid = randomUUID();
    const request = { uid, desiredAPIVersion: apiVersion, objects: others };
    const review = { kind: 'ConversionReview', apiVersion: `apiextensions.k8s.io/${version}`, request, response: {} };
    const answer = await client(clientConfig as WebhookAddress, review, { timeoutMs: TIMEOUT_MS }).catch((error: Error) => {
      throw fail(error.message);
    });
    const { response } = (answer ?? {}) as { response?: ConversionResponse };
    if (response?.uid !== uid) throw fail(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response?.uid ?? '')}`);
    if (response.result?.status !== 'Success') throw fail(response.result?.message ?? 'without explanation');
    const converted = response.convertedObjects ?? [];
    if (converted.length !== others.length)
      throw fail(`expected ${others.length} converted objects, got ${converted.length} for group ${group}`);
    let at = 0;
    return objects.map((object) =>
      object.apiVersion === apiVersion ? object : checked(object, converted[at++] as KubeObject, { apiVersion, fail }),
    );
  };
};

/** A webhook may change labels and annotations, and nothing else of the metadata. */
const checked = (
  original: KubeObject,
  converted: KubeObject,
  { apiVersion, fail }: { apiVersion: string; fail: (why: string) => Error },
): KubeObject => {
  const { name, namespace, uid } = original.metadata;
  if (converted?.apiVersion !== apiVersion || converted.kind !== original.kind)
    throw fail(
      `invalid converted object: expected ${apiVersion}, Kind=${original.kind}, got ${converted?.apiVersion}, Kind=${converted?.kind}`,
    );
  const given = converted.metadata ?? {};
  for (const [field, was, is] of [
    ['name', name, given.name],
    ['namespace', namespace, given.namespace],
    ['UID', uid, given.uid],
  ] as const)
    if ((was ?? '') !== (is ?? '')) throw fail(`invalid metadata of converted object: must have the same ${field}`);
  const metadata = { ...original.metadata };
  delete metadata.labels;
  delete metadata.annotations;
  if (given.labels) metadata.labels = given.labels;
  if (given.annotations) metadata.annotations = given.annotations;
  return { ...converted, metadata };
};
