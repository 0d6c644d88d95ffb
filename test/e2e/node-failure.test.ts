/** A node loses its power: its pods leave Services within 15 s and are replaced on another within 60 s, and again for the next. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const succeed = async (...args: string[]): Promise<string> => {
  const result = await suite.slipway(args);
  assert.equal(result.code, 0, `slipway ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
};
/** Nodes whose pods take connections, one entry an endpoint. */
const endpointNodes = async (): Promise<string[]> => {
  const path = '{range .items[*].endpoints[?(@.conditions.ready==true)]}{.nodeName} {end}';
  return (await succeed('get', 'endpointslices', '-l', 'kubernetes.io/service-name=demo', '-o', `jsonpath=${path}`))
    .split(' ')
    .filter(Boolean);
};

before(async () => {
  await succeed('up', 'power', '--yes', '--demo', '--nodes', '3');
  await succeed('scale', 'deployment', 'demo', '--replicas=6');
  await until(async () => new Set(await endpointNodes()).size === 3 && (await endpointNodes()).length === 6, {
    withinMs: 60_000,
    what: 'six endpoints on three nodes',
  });
});
after(() => suite.slipway(['down', 'power', '--force']));

for (const victim of ['power-2', 'power-3'])
  test(`${victim} is killed: out of Services within 15 s, replaced within 60 s`, async () => {
    await succeed('node', 'kill', victim);
    const killedAt = Date.now();
    await until(async () => !(await endpointNodes()).includes(victim), { withinMs: 15_000, what: `no endpoint on ${victim}` });
    await until(async () => (await endpointNodes()).length === 6, {
      withinMs: 60_000 - (Date.now() - killedAt),
      what: 'six endpoints again',
    });
    await succeed('node', 'start', victim);
    await until(async () => (await succeed('get', 'node', victim, '--no-headers')).includes(' Ready '), {
      withinMs: 60_000,
      what: `${victim} is ready again`,
    });
  });
