import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { processIo } from '../../../src/cli/io.ts';
import { runCli } from '../../../src/cli/run-cli.ts';
import { kubeconfigFor, renderKubeconfig } from '../../../src/pki/kubeconfig.ts';
import { tunnelAccess } from '../../../src/provision/api-tunnel.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-session-tunnel-'));
after(() => rmSync(folder, { recursive: true }));
process.env['SLIPWAY_HOME'] = join(folder, 'home');
const run = async (...args: string[]): Promise<{ code: number; stderr: string }> => {
  let stderr = '';
  const io = {
    ...processIo(),
    env: { KUBECONFIG: join(folder, 'config') },
    out: () => {},
    err: (text: string | Uint8Array) => {
      stderr += String(text);
    },
  };
  return { code: await runCli(args, { io, signal: new AbortController().signal }), stderr };
};

test('a kubeconfig from another computer, whose tunnel is not open here, is told with the command that opens it', async () => {
  // A port that nobody is given.
  writeFileSync(join(folder, 'config'), renderKubeconfig(kubeconfigFor({ name: 'slipway-far', ...tunnelAccess(1) })));
  const { code, stderr } = await run('get', 'pods');
  assert.equal(code, 1);
  assert.match(stderr, /CONNECTION_REFUSED[\s\S]*a tunnel to far, which is not open[\s\S]*slipway tunnel far[\s\S]*slipway adopt far/);
});

test('a tunnel to a cluster that is not known here is refused', async () => {
  const { code, stderr } = await run('tunnel', 'far');
  assert.equal(code, 1);
  assert.match(stderr, /CLUSTER_UNKNOWN/);
  assert.equal((await run('tunnel', 'far', '--port', '70000')).code, 2);
});

test('another program at the port of the tunnel is not taken for it', async () => {
  const other = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  writeFileSync(join(folder, 'config'), renderKubeconfig(kubeconfigFor({ name: 'slipway-far', ...tunnelAccess(port) })));
  const { code, stderr } = await run('get', 'pods');
  other.close();
  assert.equal(code, 1);
  assert.match(stderr, /CONNECTION_REFUSED[\s\S]*a tunnel to far, which is not open/);
});
