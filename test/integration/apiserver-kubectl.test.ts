/** The story of a user with stock kubectl against a server on each store: nothing runs the pods, but everything that the API does is shown. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startApiServer } from '../support/api-server.ts';
import { findKubectl } from '../support/kubectl.ts';
import { until } from '../support/until.ts';

const kubectl = findKubectl();
const skip = 'missing' in kubectl ? kubectl.missing : false;

const MANIFEST = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: default}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: p1, labels: {app: web}}
spec: {containers: [{name: web, image: nginx}]}
`;

interface Result {
  code: number;
  out: string;
  err: string;
}

for (const store of ['memory', 'sqlite'] as const)
  describe(`kubectl against the ${store} store`, { skip }, () => {
    test('applies, reads, watches, changes and deletes', { timeout: 180_000 }, async (t) => {
      const server = await startApiServer({ store });
      t.after(() => server.stop());
      const manifest = join(server.dir, 'manifest.yaml');
      writeFileSync(manifest, MANIFEST);
      const start = (args: string[], env: Record<string, string> = {}) =>
        spawn((kubectl as { path: string }).path, ['--kubeconfig', server.kubeconfig, '--cache-dir', join(server.dir, 'cache'), ...args], {
          env: { ...process.env, HOME: server.dir, ...env },
        });
      const run = (args: string[], env?: Record<string, string>): Promise<Result> =>
        new Promise((resolve) => {
          const child = start(args, env);
          let out = '';
          let err = '';
          child.stdout.on('data', (part) => (out += part));
          child.stderr.on('data', (part) => (err += part));
          child.on('close', (code) => resolve({ code: code ?? 1, out, err }));
        });
      const ok = async (args: string[], pattern: RegExp, env?: Record<string, string>): Promise<string> => {
        const { code, out, err } = await run(args, env);
        assert.equal(code, 0, `${args.join(' ')}: ${err}`);
        assert.match(out, pattern, args.join(' '));
        return out;
      };

      await ok(['apply', '-f', manifest], /deployment\.apps\/web created\nservice\/web created\npod\/p1 created/);
      await ok(['apply', '-f', manifest], /deployment\.apps\/web unchanged\nservice\/web unchanged\npod\/p1 unchanged/);
      await ok(['get', 'all', '-o', 'wide'], /pod\/p1 +0\/1 +Pending/);
      await ok(['get', 'svc', 'web'], /web +NodePort +10\.96\.\d+\.\d+ +<none> +80:3\d{4}\/TCP/);

      const watcher = start(['get', 'configmaps', '-w']);
      let watched = '';
      watcher.stdout.on('data', (part) => (watched += part));
      t.after(() => void watcher.kill());
      await ok(['create', 'configmap', 'c1', '--from-literal=a=b'], /created/);
      await until(() => /c1 +1/.test(watched), { what: 'the watch shows the new config map' });
      await ok(['patch', 'configmap', 'c1', '-p', '{"data":{"x":"y"}}'], /patched/);
      await until(() => /c1 +2/.test(watched), { what: 'the watch shows the change' });
      await ok(['label', 'configmap', 'c1', 'k=v'], /labeled/);
      await ok(['annotate', 'configmap', 'c1', 'k=v'], /annotated/);
      await ok(['edit', 'configmap', 'c1'], /edited/, { KUBE_EDITOR: 'sed -i s/x:/z:/' });
      await ok(['get', 'configmap', 'c1', '-o', 'jsonpath={.data}'], /"z":"y"/);

      await ok(['scale', 'deploy', 'web', '--replicas=5'], /scaled/);
      await ok(['wait', '--for=jsonpath={.spec.replicas}=5', 'deploy/web', '--timeout=20s'], /condition met/);
      await ok(['get', 'deploy', 'web', '-o', 'jsonpath={.metadata.generation}'], /^2$/);
      await ok(['set', 'image', 'deploy/web', 'web=other'], /image updated/);
      assert.equal((await run(['diff', '-f', manifest])).code, 1);
      await ok(['apply', '--server-side', '--force-conflicts', '-f', manifest], /deployment\.apps\/web serverside-applied/);
      await ok(['explain', 'deploy.spec.strategy'], /rollingUpdate/);
      await ok(['api-resources'], /deployments +deploy +apps\/v1 +true +Deployment/);
      await ok(['version'], /Server Version: v1\.36\.3/);

      await ok(['auth', 'can-i', 'list', 'pods'], /yes/);
      assert.equal((await run(['auth', 'can-i', 'list', 'pods', '--as', 'bob'])).code, 1);
      await ok(['create', 'role', 'reader', '--verb=get,list', '--resource=pods'], /created/);
      await ok(['create', 'rolebinding', 'bob', '--role=reader', '--user=bob'], /created/);
      await ok(['get', 'pods', '--as', 'bob'], /p1/);
      const token = (await ok(['create', 'token', 'default'], /^ey/)).trim();
      const asAccount = await run(['auth', 'whoami', '--token', token]);
      assert.match(asAccount.out, /admin/, 'a client certificate counts before a token');

      await ok(['create', 'deployment', 'd2', '--image=x'], /created/);
      await ok(['run', 'r1', '--image=busybox', '--dry-run=server', '-o', 'name'], /pod\/r1/);
      assert.equal((await run(['get', 'pod', 'r1'])).code, 1);
      await ok(['delete', 'configmap', 'c1'], /deleted/);
      await ok(['delete', '-f', manifest, '--wait=false'], /deployment\.apps "web" deleted/);
      const missing = await run(['get', 'deploy', 'web']);
      assert.match(missing.err, /Error from server \(NotFound\): deployments\.apps "web" not found/);
    });
  });
