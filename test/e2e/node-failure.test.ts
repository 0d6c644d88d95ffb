/** Power failure: the pods of a node leave the Services and are replaced elsewhere, and again for the next node. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { deploymentManifest, podsOf, untilReady } from '../support/demo-cluster.ts';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const slipway = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};
const REPLICAS = 4;
const OUT_OF_SERVICE_MS = 15_000;
const REPLACED_MS = 60_000;

before(async () => {
  await slipway('up', 'fail', '--yes', '--nodes', '3');
  writeFileSync(join(suite.root, 'web.yaml'), deploymentManifest('web', { replicas: REPLICAS }));
  await slipway('apply', '-f', join(suite.root, 'web.yaml'));
  await untilReady(suite, 'app=web', REPLICAS);
});
after(() => suite.slipway(['down', 'fail', '--force']));

/** Nodes that the endpoints of the Service call ready. */
const nodesInService = async (): Promise<string[]> => {
  const path = '{range .items[*].endpoints[*]}{.nodeName} {.conditions.ready}{"\\n"}{end}';
  const rows = (await slipway('get', 'endpointslices', '-l', 'kubernetes.io/service-name=web', '-o', `jsonpath=${path}`)).split('\n');
  return rows.filter((row) => row.endsWith(' true')).map((row) => row.split(' ')[0] as string);
};

const killAndWatch = async (node: string, context: { diagnostic: (message: string) => void }): Promise<void> => {
  const before = [...(await podsOf(suite, 'app=web')).values()].filter((pod) => pod.node === node).length;
  const killedAt = performance.now();
  await slipway('node', 'kill', node);
  await until(async () => !(await nodesInService()).includes(node), { withinMs: OUT_OF_SERVICE_MS, what: `${node} out of the Service` });
  context.diagnostic(`${node} with ${before} pods: out of Services after ${((performance.now() - killedAt) / 1000).toFixed(1)} s`);
  const left = REPLACED_MS - (performance.now() - killedAt);
  await until(
    async () => [...(await podsOf(suite, 'app=web')).values()].filter((pod) => pod.ready && pod.node !== node).length === REPLICAS,
    { withinMs: left, what: `${REPLICAS} ready pods away from ${node}` },
  );
  context.diagnostic(`${node}: replaced after ${((performance.now() - killedAt) / 1000).toFixed(1)} s`);
};

test('a dead node leaves the Service within 15 s and its pods are replaced within 60 s', (context) => killAndWatch('fail-2', context));

test('and the next one too', async (context) => {
  await slipway('node', 'start', 'fail-2');
  await until(async () => /^fail-2 +Ready/m.test(await slipway('get', 'nodes', '--no-headers')), {
    withinMs: 60_000,
    what: 'fail-2 is back',
  });
  await killAndWatch('fail-3', context);
});
