/** The package's `slipway/testing`: clusters as fixtures of tests. docs/guides/testing.md shows how. */
import type { ResourceName } from '../api/meta/object.ts';
import { SCHEME } from '../api/scheme.ts';

export type { KubeList, KubeObject, ResourceName, Stored } from '../api/meta/object.ts';
export { StatusError } from '../api/meta/status.ts';
export type { ApiEvent } from '../api/transport.ts';
export type * as apps from '../api/types/apps-v1.ts';
export type * as batch from '../api/types/batch-v1.ts';
export type * as core from '../api/types/core-v1.ts';
export { SlipwayError } from '../base/errors/slipway-error.ts';
export type { Client } from '../client/client.ts';
export { startCluster } from './start-cluster.ts';
export type { FakeNodeControl, FakeNodesOptions, StartClusterOptions, TestCluster, TestFetchInit } from './test-cluster.ts';

/** A built-in resource by its plural, singular or short name: `resource('deploy')`. For custom resources write the object itself. */
export const resource = (name: string): ResourceName => {
  const kind = SCHEME.byShortName(name);
  if (!kind) throw new TypeError(`no built-in resource is called ${name}; for a custom one write { group, version, plural }`);
  return { group: kind.group, version: kind.version, plural: kind.plural };
};
