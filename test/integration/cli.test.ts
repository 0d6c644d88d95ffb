/** The bundled CLI as a process against a real API server over TLS, and beside stock kubectl where that is at hand. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';
import { findKubectl } from '../support/kubectl.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'dist/slipway.js');
const kubectl = findKubectl();

let api: TestApiServer;
before(async () => {
  execFileSync(process.execPath, [join(root, 'bin/build.js')], { stdio: 'inherit' });
  api = await startApiServer();
});
after(() => api?.stop());

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

const run = (file: string, args: readonly string[], options: { input?: string; env?: Record<string, string> } = {}): Promise<Result> =>
  new Promise((resolve) => {
    const env = { ...process.env, KUBECONFIG: api.kubeconfig, NO_COLOR: '1', ...options.env };
    const child = execFile(file, [...args], { env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? ((error.code as unknown as number) ?? null) : 0, stdout, stderr }),
    );
    child.stdin?.end(options.input ?? '');
  });

const slipway = (args: string, options?: Parameters<typeof run>[2]): Promise<Result> =>
  run(process.execPath, [program, ...args.split(' ')], options);

test('results go to stdout, everything else to stderr', async () => {
  const found = await slipway('get namespaces -o name');
  assert.equal(found.stderr, '');
  assert.match(found.stdout, /^namespace\/default$/m);
  assert.deepEqual(await slipway('get pods'), { code: 0, stdout: '', stderr: 'No resources found in default namespace.\n' });
  assert.deepEqual(await slipway('get pod nope'), { code: 1, stdout: '', stderr: 'Error from server (NotFound): pods "nope" not found\n' });
});

test('wrong usage exits with 2 and names what was probably meant', async () => {
  const flag = await slipway('get pods --namepsace=x');
  assert.deepEqual([flag.code, flag.stdout], [2, '']);
  assert.match(flag.stderr, /did you mean --namespace/);
  const command = await slipway('roll');
  assert.deepEqual([command.code, command.stdout], [2, '']);
  assert.match(command.stderr, /did you mean: slipway rollout/);
  assert.match((await slipway('get podz')).stderr, /the server doesn't have a resource type "podz"/);
  const none = await slipway('node add --count 0');
  assert.deepEqual([none.code, none.stdout], [2, '']);
  assert.match(none.stderr, /--count is 0: at least one node comes/);
});

test('a server that does not answer is an error of the catalogue, and JSON where JSON was asked', async () => {
  const text = await slipway('get pods -s https://127.0.0.1:1');
  assert.deepEqual([text.code, text.stdout], [1, '']);
  assert.match(text.stderr, /CONNECTION_REFUSED/);
  const json = await slipway('get pods -s https://127.0.0.1:1 -o json');
  assert.equal(JSON.parse(json.stderr).error.code, 'CONNECTION_REFUSED');
});

test('a Deployment from run to delete', async () => {
  assert.equal((await slipway('run web --image=demo:1 --replicas=3 --port=8080')).stdout, 'deployment.apps/web created\n');
  assert.equal((await slipway('expose deployment web --type=NodePort --port=80 --target-port=8080')).stdout, 'service/web exposed\n');
  assert.equal((await slipway('scale deployment web --replicas=5')).stdout, 'deployment.apps/web scaled\n');
  assert.equal((await slipway('set image deployment/web web=demo:2')).stdout, 'deployment.apps/web image updated\n');
  assert.equal(
    (await slipway('get deployment web -o jsonpath={.spec.replicas}:{.spec.template.spec.containers[0].image}')).stdout,
    '5:demo:2',
  );
  assert.equal((await slipway('label deployment web tier=front')).stdout, 'deployment.apps/web labeled\n');
  assert.equal((await slipway('rollout pause deployment/web')).stdout, 'deployment.apps/web paused\n');
  assert.equal((await slipway('rollout resume deployment/web')).stdout, 'deployment.apps/web resumed\n');
  const late = await slipway('rollout status deployment/web --timeout=1s');
  assert.deepEqual([late.code, late.stderr], [1, 'error: timed out waiting for the condition on deployments/web\n']);
  assert.equal(
    (await slipway('delete deployment,service web')).stdout,
    'deployment.apps "web" deleted from default namespace\nservice "web" deleted from default namespace\n',
  );
});

test('apply creates, leaves alone, changes, and removes what the file no longer says', async () => {
  const manifest = (data: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: ${data}\n`;
  const apply = (data: string): Promise<Result> => slipway('apply -f -', { input: manifest(data) });
  assert.equal((await apply('{a: "1", b: "2"}')).stdout, 'configmap/settings created\n');
  assert.equal((await apply('{a: "1", b: "2"}')).stdout, 'configmap/settings unchanged\n');
  assert.equal((await apply('{a: "3"}')).stdout, 'configmap/settings configured\n');
  assert.equal((await slipway('get configmap settings -o jsonpath={.data}')).stdout, '{"a":"3"}');
  const wrong = await slipway('apply -f -', { input: 'kind: [' });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /MANIFEST_INVALID/);
  assert.deepEqual(await slipway('apply -f /absent.yaml'), {
    code: 1,
    stdout: '',
    stderr: 'error: the path "/absent.yaml" does not exist\n',
  });
});

test('edit saves what the editor changed, opens again after an error, and says when nothing changed', async () => {
  await slipway('create configmap edited --from-literal=a=1');
  const editor = join(api.dir, 'editor.sh');
  // First it breaks the object, and when opened again it mends it.
  writeFileSync(
    editor,
    '#!/bin/sh\nif grep -qE "^# (Error from|error:|The )" "$1"; then sed -i \'s/a: \\[\\]/a: "2"/\' "$1"; else sed -i \'s/a: "1"/a: []/\' "$1"; fi\n',
  );
  chmodSync(editor, 0o755);
  const changed = await slipway('edit configmap edited', { env: { KUBE_EDITOR: editor } });
  assert.deepEqual([changed.code, changed.stdout], [0, 'configmap/edited edited\n'], changed.stderr);
  assert.equal((await slipway('get configmap edited -o jsonpath={.data.a}')).stdout, '2');
  assert.match((await slipway('edit configmap edited', { env: { KUBE_EDITOR: 'true' } })).stderr, /Edit cancelled, no changes made/);
});

test('get -w shows the list and then changes, and a reader that leaves ends it quietly', async () => {
  const child = spawn(process.execPath, [program, 'get', 'configmaps', '-w', '--no-headers'], {
    env: { ...process.env, KUBECONFIG: api.kubeconfig },
  });
  let seen = '';
  const line = Promise.withResolvers<void>();
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
    if (seen.includes('watched')) line.resolve();
  });
  child.once('error', line.reject);
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await slipway('create configmap watched --from-literal=a=1');
  await line.promise;
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  assert.equal(await ended, 130);
});

test('completion answers with live names', async () => {
  assert.equal((await slipway('__complete delete configmap wat')).stdout, 'watched\n:4\n');
  assert.equal((await slipway('__complete get -n kube-sys')).stdout, 'kube-system\n:4\n');
});

const SAME = [
  'get namespaces',
  'get ns,cm -o name',
  'get configmap settings -o yaml',
  'get namespaces -o json',
  'get namespace default nope',
  'get cm --show-labels --sort-by=.metadata.name',
  'get all',
  'api-versions',
  'run x --image=i --port=80 --dry-run=client -o yaml',
  'create deployment x --image=i --replicas=3 --dry-run=client -o yaml',
  'create secret generic x --from-literal=a=b --dry-run=client -o yaml',
  'create clusterrolebinding x --clusterrole=view --serviceaccount=a:b --dry-run=client -o yaml',
  'delete pod nope',
  'auth can-i create pods',
  'wait --for=delete pod/nope',
];
for (const args of SAME)
  test(`the same as kubectl: ${args}`, { skip: 'missing' in kubectl && kubectl.missing }, async () => {
    if ('missing' in kubectl) return;
    const [ours, theirs] = await Promise.all([slipway(args), run(kubectl.path, args.split(' '))]);
    // Ages may differ by the second in which each was asked.
    const steady = (result: Result): Result => ({ ...result, stdout: result.stdout.replace(/\d+[sm]\d*s?\b/g, 'AGE').replace(/ +/g, ' ') });
    assert.deepEqual(steady(ours), steady(theirs));
  });

test('the program was built', () => assert.ok(existsSync(program)));
