import { mutatingWebhookConfiguration } from '../api/admissionregistration/mutating-webhook-configuration.ts';
import { validatingWebhookConfiguration } from '../api/admissionregistration/validating-webhook-configuration.ts';
import { pod as pods } from '../api/core/pod.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { Logger } from '../base/log/logger.ts';
import type { Client } from '../client/client.ts';

/** By then a cluster that is being made has its first pods, and the processors are free. */
const AFTER_MS = 2000;
/** From about here on the first request of a burst takes no longer than the others. */
const ROUNDS = 50;

/** Of the sort that agents make for static pods: it needs no service account, so that nothing of it depends on what is in the cluster. */
const POD: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'warm-up',
    namespace: 'kube-system',
    annotations: { 'kubernetes.io/config.mirror': 'warm-up' },
    labels: { app: 'warm-up' },
  },
  spec: {
    nodeName: 'warm-up',
    containers: [{ name: 'app', image: 'warm-up:1', env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 8080 }] }],
  },
};

/**
 * Makes the engine compile what a write runs through before somebody waits for it: pods are created as dry runs, one in each turn of the event
 * loop, so that requests come between. Not where webhooks would be asked about them. Answers how many were created.
 */
export const warmUp = async (client: Client): Promise<number> => {
  for (const kind of [mutatingWebhookConfiguration, validatingWebhookConfiguration])
    if ((await client.list(kind, { limit: 1 })).items.length > 0) return 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    await client.create<Pod>(pods, structuredClone(POD), { namespace: 'kube-system', dryRun: true });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return ROUNDS;
};

export const warmUpLater = (client: Client, log: Logger): void => {
  const begin = (): void => void warmUp(client).catch((error: unknown) => log.debug('not warmed up', { error: String(error) }));
  setTimeout(begin, AFTER_MS).unref();
};
