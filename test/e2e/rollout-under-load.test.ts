/** A rolling update under 200 new connections a second loses no request, although the application exits at once on SIGTERM. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DEMO_IMAGE, DEMO_IMAGE_2, deploymentManifest, untilReady } from '../support/demo-cluster.ts';
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

/** Asks a Service at a steady rate, each request on a connection of its own; stops when `signal` aborts. */
const loadOn = async (urls: readonly string[], signal: AbortSignal): Promise<{ answered: number; failures: string[] }> => {
  const agent = new Agent({ keepAlive: false });
  const failures: string[] = [];
  const pending = new Set<Promise<void>>();
  let answered = 0;
  const startedAt = performance.now();
  let sent = 0;
  const ask = (url: string): Promise<void> =>
    new Promise((resolve) => {
      const request = get(url, { agent, timeout: 5000 }, (response) => {
        response.resume().on('end', () => {
          if (response.statusCode === 200) answered++;
          else failures.push(`status ${response.statusCode}`);
          resolve();
        });
      });
      request.on('timeout', () => request.destroy(new Error('no answer in 5 s')));
      request.on('error', (error) => {
        failures.push(`${((performance.now() - startedAt) / 1000).toFixed(2)} s: ${error.message}`);
        resolve();
      });
    });
  while (!signal.aborted) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * PER_SECOND);
    for (; sent < due; sent++) {
      const one = ask(urls[sent % urls.length] as string).finally(() => pending.delete(one));
      pending.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(pending);
  return { answered, failures };
};

test('no request is lost while the image changes back and forth', async (context) => {
  const port = await slipway('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}');
  const addresses = (await slipway('get', 'nodes', '-o', 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}'))
    .trim()
    .split(/\s+/);
  assert.equal(addresses.length, 2);
  const stop = new AbortController();
  const loadStartedAt = performance.now();
  const load = loadOn(
    addresses.map((address) => `http://${address}:${port.trim()}/`),
    stop.signal,
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
