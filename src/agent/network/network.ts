import type { Stored } from '../../api/meta/object.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Component } from '../../base/async/component.ts';

/**
 * The network of one node: CNI configuration, routes to the pods of other nodes, the Service proxy and cluster DNS.
 * Everything it changes lies in the network namespace that the agent runs in. Stopping it leaves rules, routes and
 * configuration as they are, so that Services go on working while an agent restarts; a start finds and corrects them.
 */
export interface NodeNetwork extends Component {
  /**
   * Resolves when containerd can make pod sandboxes: the node has its `spec.podCIDR` and the CNI configuration is written.
   * Rejects when the signal aborts. Until then the node reports `NetworkUnavailable`/not ready (`cni plugin not initialized`).
   */
  ready(signal?: AbortSignal): Promise<void>;
  /** True once `ready()` has resolved: for the node's Ready condition. */
  isReady(): boolean;
  /**
   * To be called between a pod's deletion and its SIGTERM (after preStop or beside it): resolves when no live node's proxy
   * sends new connections to the pod, and those under way have ended or a second has passed. At most `boundMs` (default
   * 2,000) in all; never rejects. `drained` is false when the bound or the signal ended the wait. Resolves at once for a pod
   * that is in no EndpointSlice, or that has no address.
   */
  awaitEndpointsDrained(pod: Stored<Pod>, options?: { signal?: AbortSignal; boundMs?: number }): Promise<{ drained: boolean }>;
}
