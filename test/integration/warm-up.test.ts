import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutatingWebhookConfiguration } from '../../src/api/admissionregistration/mutating-webhook-configuration.ts';
import { pod as pods } from '../../src/api/core/pod.ts';
import { warmUp } from '../../src/runtime/warm-up.ts';
import { startCluster } from '../../src/testing/index.ts';

test('warming up creates nothing, and asks no webhook', async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  assert.ok((await warmUp(client)) > 0);
  assert.deepEqual((await client.list(pods, { namespace: 'kube-system' })).items, []);
  const webhook = {
    name: 'pods.example.com',
    clientConfig: { url: 'https://127.0.0.1:1/' },
    rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  };
  await client.create(mutatingWebhookConfiguration, { metadata: { name: 'pods' }, webhooks: [webhook] });
  assert.equal(await warmUp(client), 0);
});
