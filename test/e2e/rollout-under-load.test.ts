/** A rolling update under 200 new connections a second loses no request, although the application exits at once on SIGTERM. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DEMO_IMAGE, DEMO_IMAGE_2, deploymentManifest, untilReady } from '../support/demo-cluster.ts';
import { steadyLoad } from '../support/steady-load.ts';
import { enterSuite } from '../support/suite.ts';

const suite = await enterSuite(import.meta.filename);
const slipway = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};
const PER_SECOND = 200;
const ROLLOUTS = 3;

before(async () => {
  await slipway('up', 'roll', '--yes');
  writeFileSync(join(suite.root, 'web.yaml'), deploymentManifest('web', { replicas: 5 }));
  await slipway('apply', '-f', join(suite.root, 'web.yaml'));
  await untilReady(suite, 'app=web', 5);
});
after(() => suite.slipway(['down', 'roll', '--force']));

test('no request is lost while the image changes back and forth', async (context) => {
  const port = await slipway('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}');
  const addresses = (await slipway('get', 'nodes', '-o', 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}'))
    .trim()
    .split(/\s+/);
  assert.equal(addresses.length, 2);
  const stop = new AbortController();
  const loadStartedAt = performance.now();
  const load = steadyLoad(
    addresses.map((address) => `http://${address}:${port.trim()}/`),
    { perSecond: PER_SECOND, signal: stop.signal },
  );
  for (let rollout = 0; rollout < ROLLOUTS; rollout++) {
    await slipway('set', 'image', 'deployment/web', `web=${rollout % 2 ? DEMO_IMAGE : DEMO_IMAGE_2}`);
    await slipway('rollout', 'status', 'deployment/web', '--timeout=90s');
    await untilReady(suite, 'app=web', 5);
  }
  stop.abort();
  const { answered, failures } = await load;
  context.diagnostic(`${answered} requests answered, ${failures.length} failed, over ${ROLLOUTS} rollouts`);
  if (failures.length > 0) {
    const began = Date.now() - performance.now();
    context.diagnostic(`load began ${new Date(began + loadStartedAt).toISOString()}`);
    context.diagnostic(await slipway('get', 'events', '--sort-by=.metadata.creationTimestamp'));
  }
  assert.deepEqual(failures, []);
  assert.ok(answered > PER_SECOND * 3, `only ${answered} requests were made`);
});
