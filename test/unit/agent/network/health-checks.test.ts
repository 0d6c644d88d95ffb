import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { HealthChecks } from '../../../../src/agent/network/proxy/health-checks.ts';
import { createLogger } from '../../../../src/base/log/logger.ts';
import { until } from '../../../support/until.ts';

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });

const ask = (port: number): Promise<{ status: number | undefined; body: string }> =>
  new Promise((resolve) => {
    http
      .get({ host: '127.0.0.1', port, agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, body }));
      })
      .on('error', () => resolve({ status: undefined, body: '' }));
  });

test('a load balancer is told whether the node has an endpoint', async () => {
  const checks = new HealthChecks({ address: '127.0.0.1', log: createLogger({ level: 'silent' }) });
  const port = await freePort();
  checks.set('default/web', { port, localEndpoints: 2 });
  await until(async () => (await ask(port)).status === 200);
  assert.deepEqual(JSON.parse((await ask(port)).body), {
    service: { namespace: 'default', name: 'web' },
    localEndpoints: 2,
    serviceProxyHealthy: true,
  });
  checks.set('default/web', { port, localEndpoints: 0 });
  assert.equal((await ask(port)).status, 503);
  checks.set('default/web', undefined);
  await until(async () => (await ask(port)).status === undefined);
  checks.stop();
});
