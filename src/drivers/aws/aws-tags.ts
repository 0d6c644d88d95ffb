import type { Filter, ResourceType, Tag, TagSpecification } from '@aws-sdk/client-ec2';

/** On everything that a cluster has made: how it is found without any file of ours, and cleaned up. */
export const CLUSTER_TAG = 'slipway/cluster';
export const NODE_TAG = 'slipway/node';

export const tagsOf = (cluster: string, name: string, more: Readonly<Record<string, string>> = {}): Tag[] =>
  Object.entries({ Name: name, [CLUSTER_TAG]: cluster, [`kubernetes.io/cluster/${cluster}`]: 'owned', ...more }).map(([Key, Value]) => ({
    Key,
    Value,
  }));

export const tagged = (type: ResourceType, tags: Tag[]): TagSpecification => ({ ResourceType: type, Tags: tags });

export const ofCluster = (cluster: string, ...more: Filter[]): Filter[] => [{ Name: `tag:${CLUSTER_TAG}`, Values: [cluster] }, ...more];

export const tagIn = (tags: readonly Tag[] | undefined, key: string): string | undefined => tags?.find((tag) => tag.Key === key)?.Value;
