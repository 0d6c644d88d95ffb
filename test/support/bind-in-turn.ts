import { pod as pods } from '../../src/api/core/pod.ts';
import type { Stored } from '../../src/api/meta/object.ts';
import type { Pod } from '../../src/api/types/core-v1.ts';
import { createLogger } from '../../src/base/log/logger.ts';
import type { Client } from '../../src/client/client.ts';
import { createInformer } from '../../src/client/informer/informer.ts';
import type { FakeNodes } from '../../src/testing/fake-nodes.ts';

/**
 * Stands in for the scheduler where controllers are tested alone: binds each pod to the node that its affinity names, else to the live ones in turn.
 * Resolves to what ends it.
 */
export const bindInTurn = async (client: Client, nodes: FakeNodes): Promise<() => Promise<void>> => {
  const log = createLogger({ level: 'silent' });
  const informer = createInformer<Pod>({ client, resource: pods, log });
  let turn = 0;
  const bind = async (pod: Stored<Pod>): Promise<void> => {
    const { namespace, name = '', deletionTimestamp } = pod.metadata;
    if (pod.spec?.nodeName || deletionTimestamp) return;
    const target = nodeWanted(pod) ?? nodes.alive[turn++ % nodes.alive.length];
    if (!target) return;
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace }, target: { kind: 'Node', name: target } };
    await client.create(pods, binding, { namespace, name, subresource: 'binding' });
  };
  // A pod that changed meanwhile comes again by its own event.
  const look = (pod: Stored<Pod>): void => void bind(pod).catch(() => {});
  informer.addHandler({ add: look, update: look });
  informer.start();
  await informer.synced;
  return () => informer.stop();
};

/** As pods of a DaemonSet name theirs. */
const nodeWanted = ({ spec }: Stored<Pod>): string | undefined => {
  const [term] = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return term?.matchFields?.[0]?.values?.[0];
};
