/** Stories of pods on one real node: containerd, the API server over TLS, and slipway-agent as a process. */
import assert from 'node:assert/strict';
import { type ChildProcess, type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { createCriClient } from '../../src/agent/cri/cri-client.ts';
import { configMap } from '../../src/api/core/config-map.ts';
import { node as nodeKind } from '../../src/api/core/node.ts';
import { pod as podKind } from '../../src/api/core/pod.ts';
import { secret } from '../../src/api/core/secret.ts';
import type { Stored } from '../../src/api/meta/object.ts';
import type { ContainerStatus, Node, Pod } from '../../src/api/types/core-v1.ts';
import { findKubectl } from '../support/kubectl.ts';
import { until } from '../support/until.ts';
import { startNode, type TestNode, TOOLS_IMAGE } from './agent-node.ts';
import { inNamespace } from './network-sandbox.ts';

const run = promisify(execFile);
const isReady = (pod: Stored<Pod>): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
const statusOf = (pod: Stored<Pod>, name = 'c'): ContainerStatus | undefined =>
  [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find((status) => status.name === name);

inNamespace(import.meta.url, () => {
  const judge = findKubectl();
  describe('pods of a node', { skip: 'missing' in judge ? judge.missing : false }, () => {
    let node: TestNode;
    const kubectl = async (...args: string[]): Promise<string> => {
      if (!('path' in judge)) throw new Error(judge.missing);
      const { stdout } = await run(judge.path, args, { env: { ...process.env, KUBECONFIG: node.api.kubeconfig }, timeout: 60_000 });
      return stdout;
    };

    before(async () => {
      node = await startNode();
    });
    after(async () => {
      await node.stop();
    });

    test('the node shows what it is and renews its lease', async () => {
      const { metadata, status } = await node.client.get<Stored<Node>>(nodeKind, { name: node.name });
      assert.equal(metadata.labels?.['kubernetes.io/hostname'], node.name);
      assert.equal(metadata.labels?.['example.com/disk'], 'fast');
      assert.match(status?.nodeInfo?.containerRuntimeVersion ?? '', /^containerd:\/\//);
      assert.equal(status?.allocatable?.['pods'], '110');
      await until(() =>
        node.client
          .get({ group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }, { namespace: 'kube-node-lease', name: node.name })
          .then(
            () => true,
            () => false,
          ),
      );
    });

    test('a pod runs, gets an address, and its log is read', async () => {
      await node.runPod('hello', { command: ['sh', '-c', 'echo hello; sleep 0.2; echo oops >&2; sleep 3600'] });
      const pod = await node.untilPod('hello', isReady, 'is ready');
      assert.match(pod.status?.podIP ?? '', /^10\.77\.1\./);
      assert.equal(pod.status?.phase, 'Running');
      assert.equal(pod.status?.qosClass, 'BestEffort');
      await until(async () => (await kubectl('logs', 'hello')) === 'hello\noops\n', { what: 'both lines are in the log' });
      assert.equal(await kubectl('logs', 'hello', '--tail=1'), 'oops\n');
    });

    test('exec passes input, output and exit codes', async () => {
      await node.untilPod('hello', isReady, 'is ready');
      assert.equal(await kubectl('exec', 'hello', '--', 'echo', 'hi'), 'hi\n');
      const long = 'a'.repeat(100_000); // Linux takes arguments of up to 128 KiB.
      assert.equal(await kubectl('exec', 'hello', '--', 'echo', long), `${long}\n`);
      await assert.rejects(kubectl('exec', 'hello', '--', 'sh', '-c', 'exit 7'), (error: { code?: number }) => error.code === 7);
      if (!('path' in judge)) return;
      for (const webSockets of ['true', 'false']) {
        const env = { ...process.env, KUBECONFIG: node.api.kubeconfig, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: webSockets };
        const child: ChildProcessByStdio<Writable, Readable, null> = spawn(judge.path, ['exec', '-i', 'hello', '--', 'cat'], {
          env,
          stdio: ['pipe', 'pipe', 'inherit'],
        });
        child.stdin.end('x'.repeat(300_000));
        assert.equal((await text(child.stdout)).length, 300_000, `websockets ${webSockets}`);
      }
    });

    test('exec serves WebSockets of every version', async () => {
      await node.untilPod('hello', isReady, 'is ready');
      const run = async (protocol: string, script: string): Promise<string[]> => {
        const query = new URLSearchParams({ container: 'c', stdout: '1', stderr: '1', command: 'sh' });
        for (const part of ['-c', script]) query.append('command', part);
        const url = `${node.api.url.replace('https', 'wss')}/api/v1/namespaces/default/pods/hello/exec?${query}`;
        const socket = new WebSocket(url, protocol ? [protocol] : [], {
          ca: node.api.caPem,
          cert: node.api.admin.certPem,
          key: node.api.admin.keyPem,
        });
        const messages: string[] = [];
        socket.on('message', (data: Buffer, isBinary) =>
          messages.push(
            isBinary ? `${data[0]}${data.subarray(1)}` : `${data.toString()[0]}${Buffer.from(data.toString().slice(1), 'base64')}`,
          ),
        );
        await once(socket, 'close');
        return messages.sort();
      };
      for (const protocol of ['', 'channel.k8s.io', 'base64.channel.k8s.io']) {
        assert.deepEqual(await run(protocol, 'echo hi'), ['1hi\n'], protocol);
        assert.match((await run(protocol, 'exit 3')).join(), /^3command terminated with non-zero exit code/, protocol);
      }
      for (const protocol of ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io', 'v5.channel.k8s.io']) {
        const [out, status = ''] = await run(protocol, 'echo hi');
        assert.equal(out, '1hi\n', protocol);
        assert.match(status, /^3.*"Success"/, protocol);
      }
    });

    test('exec with a terminal has one, and attach joins the first process', { skip: !existsSync('/usr/bin/script') }, async () => {
      if (!('path' in judge)) return;
      const env = { ...process.env, KUBECONFIG: node.api.kubeconfig, TERM: 'xterm' };
      const inTerminal = (command: string) =>
        run('script', ['-qec', `stty rows 33 cols 77; ${judge.path} ${command}`, '/dev/null'], { env, timeout: 60_000 });
      const { stdout } = await inTerminal("exec -it hello -- sh -c 'sleep 1; tty; stty size'");
      assert.match(stdout, /\/dev\/pts\/0\r\n33 77/);
      await node.runPod('talker', {
        containers: [
          {
            name: 'c',
            image: TOOLS_IMAGE,
            stdin: true,
            stdinOnce: true,
            command: ['sh', '-c', 'read line; echo "heard $line"; sleep 3600'],
          },
        ],
      });
      await node.untilPod('talker', isReady, 'is ready');
      const child: ChildProcess = spawn(judge.path, ['attach', '-i', 'talker'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
      let heard = '';
      child.stdout?.on('data', (chunk) => {
        heard += String(chunk);
      });
      child.stdin?.write('you\n');
      await until(() => heard.includes('heard you'), { what: 'the process answers' });
      child.kill();
    });

    test('port-forward reaches a port of the pod, over both roads', async () => {
      await node.runPod('web', { command: ['sh', '-c', 'mkdir -p /w; echo hello from web > /w/index.html; exec httpd -f -p 8080 -h /w'] });
      await node.untilPod('web', isReady, 'is ready');
      if (!('path' in judge)) return;
      for (const webSockets of ['true', 'false']) {
        const env = { ...process.env, KUBECONFIG: node.api.kubeconfig, KUBECTL_PORT_FORWARD_WEBSOCKETS: webSockets };
        const child: ChildProcess = spawn(judge.path, ['port-forward', 'pod/web', ':8080'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
        let output = '';
        child.stdout?.on('data', (chunk) => {
          output += String(chunk);
        });
        await until(() => /:(\d+) ->/.test(output), { what: 'kubectl forwards' });
        const port = Number(/:(\d+) ->/.exec(output)?.[1]);
        for (let request = 0; request < 3; request++) {
          const socket = connect(port, '127.0.0.1');
          socket.end('GET / HTTP/1.0\r\n\r\n');
          assert.match(await text(socket), /hello from web/, `websockets ${webSockets}`);
        }
        child.kill();
      }
    });

    test('a container that ends is started again, later each time', async () => {
      await node.runPod('crash', { command: ['sh', '-c', 'echo last words > /dev/termination-log; exit 3'] });
      const pod = await node.untilPod('crash', (found) => statusOf(found)?.state?.waiting?.reason === 'CrashLoopBackOff', 'backs off');
      const status = statusOf(pod);
      assert.match(status?.state?.waiting?.message ?? '', /^back-off 10s restarting failed container=c pod=crash_default\(/);
      assert.equal(status?.lastState?.terminated?.exitCode, 3);
      assert.equal(status?.lastState?.terminated?.message, 'last words\n');
      assert.equal(pod.status?.phase, 'Running');
      await node.untilPod('crash', (found) => (statusOf(found)?.restartCount ?? 0) >= 2, 'is started again');
    });

    test('init containers run one after another, sidecars beside, and the pod succeeds', async () => {
      const container = (name: string, script: string, more: object = {}) => ({
        name,
        image: TOOLS_IMAGE,
        command: ['sh', '-c', script],
        volumeMounts: [{ name: 'd', mountPath: '/d' }],
        ...more,
      });
      await node.runPod('steps', {
        restartPolicy: 'Never',
        volumes: [{ name: 'd', emptyDir: {} }],
        initContainers: [
          container('one', 'echo one >> /d/log'),
          container('side', 'trap "exit 0" TERM; echo side >> /d/log; while :; do sleep 0.1; done', { restartPolicy: 'Always' }),
          container('two', 'echo two >> /d/log'),
        ],
        containers: [container('c', 'echo main >> /d/log; cat /d/log')],
      });
      const pod = await node.untilPod('steps', (found) => found.status?.phase === 'Succeeded', 'succeeds');
      const log = await kubectl('logs', 'steps');
      assert.deepEqual(
        log
          .trim()
          .split('\n')
          .filter((line) => line !== 'side'),
        ['one', 'two', 'main'],
      );
      assert.ok(statusOf(pod, 'side')?.state?.terminated);
      assert.equal(pod.status?.conditions?.find(({ type }) => type === 'Ready')?.reason, 'PodCompleted');
    });

    test('probes decide readiness and restarts', async () => {
      await node.runPod('probed', {
        containers: [
          {
            name: 'c',
            image: TOOLS_IMAGE,
            command: ['sh', '-c', 'touch /tmp/live; sleep 3600'],
            startupProbe: { exec: { command: ['cat', '/tmp/live'] }, periodSeconds: 1 },
            livenessProbe: { exec: { command: ['cat', '/tmp/live'] }, periodSeconds: 1, failureThreshold: 1 },
            readinessProbe: { exec: { command: ['cat', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 1 },
          },
        ],
      });
      await node.untilPod('probed', (found) => statusOf(found)?.started === true, 'has started');
      assert.equal(isReady(await node.pod('probed')), false);
      await kubectl('exec', 'probed', '--', 'touch', '/tmp/ready');
      await node.untilPod('probed', isReady, 'becomes ready');
      await kubectl('exec', 'probed', '--', 'rm', '/tmp/ready');
      await node.untilPod('probed', (found) => !isReady(found), 'is no longer ready');
      await kubectl('exec', 'probed', '--', 'rm', '/tmp/live');
      await node.untilPod('probed', (found) => statusOf(found)?.restartCount === 1 && statusOf(found)?.state?.running, 'is restarted');
    });

    test('files of ConfigMaps, Secrets, the downward API and tokens are there and follow', async () => {
      await node.client.create(configMap, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'cm', namespace: 'default' },
        data: { color: 'red' },
      });
      await node.client.create(secret, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 's', namespace: 'default' },
        data: { key: Buffer.from('hush').toString('base64') },
      });
      await node.runPod(
        'files',
        {
          volumes: [
            { name: 'cm', configMap: { name: 'cm' } },
            { name: 's', secret: { secretName: 's', defaultMode: 0o400 } },
            {
              name: 'p',
              projected: {
                sources: [
                  { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
                  { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
                ],
              },
            },
          ],
          containers: [
            {
              name: 'c',
              image: TOOLS_IMAGE,
              command: ['sleep', '3600'],
              env: [
                { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'cm', key: 'color' } } },
                { name: 'WHO', value: '$(COLOR)-$(POD)' },
                { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              ],
              volumeMounts: [
                { name: 'cm', mountPath: '/cm' },
                { name: 's', mountPath: '/s' },
                { name: 'p', mountPath: '/p' },
                { name: 'cm', mountPath: '/one/color', subPath: 'color' },
              ],
            },
          ],
        },
        { labels: { app: 'files' } },
      );
      await node.untilPod('files', isReady, 'is ready');
      assert.equal(
        await kubectl(
          'exec',
          'files',
          '--',
          'sh',
          '-c',
          'cat /cm/color /s/key /one/color; stat -c %a -L /s/key; cat /p/labels; echo; echo $WHO',
        ),
        'redhushred400\napp="files"\nred-$(POD)\n',
      );
      assert.match(await kubectl('exec', 'files', '--', 'cat', '/p/token'), /^ey/);
      await node.client.patch(
        configMap,
        { namespace: 'default', name: 'cm' },
        { data: { color: 'blue' } },
        { type: 'application/merge-patch+json' },
      );
      await until(async () => (await kubectl('exec', 'files', '--', 'cat', '/cm/color')) === 'blue', {
        withinMs: 20_000,
        what: 'the file follows the ConfigMap',
      });
    });

    test('after its agent was restarted, a running pod still sees what changes', async () => {
      await node.untilPod('files', isReady, 'is ready');
      await node.stopAgent('SIGKILL');
      node.startAgent();
      await node.client.patch(
        configMap,
        { namespace: 'default', name: 'cm' },
        { data: { color: 'green' } },
        { type: 'application/merge-patch+json' },
      );
      const shown = async (): Promise<string> => kubectl('exec', 'files', '--', 'cat', '/cm/color').catch(() => '');
      await until(async () => (await shown()) === 'green', { withinMs: 30_000, what: 'the new agent brings the change' });
      await node.client.patch(
        configMap,
        { namespace: 'default', name: 'cm' },
        { data: { color: 'grey' } },
        { type: 'application/merge-patch+json' },
      );
      await until(async () => (await shown()) === 'grey', { withinMs: 20_000, what: 'and follows on' });
    });

    test('after a silence the node and its pods are shown as they are, whatever was said of them meanwhile', async () => {
      await node.untilPod('hello', isReady, 'is ready');
      node.agent.kill('SIGSTOP');
      const asController = { type: 'application/strategic-merge-patch+json' } as const;
      await node.client.patch(
        nodeKind,
        { name: node.name, subresource: 'status' },
        { status: { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }] } },
        asController,
      );
      await node.client.patch(
        podKind,
        { namespace: 'default', name: 'hello', subresource: 'status' },
        { status: { conditions: [{ type: 'Ready', status: 'False' }] } },
        asController,
      );
      const stoppedAt = Date.now();
      await until(() => Date.now() - stoppedAt > 9000, { withinMs: 20_000, what: 'the silence is long enough to be noticed' });
      node.agent.kill('SIGCONT');
      await until(
        async () => {
          const { status } = await node.client.get<Node>(nodeKind, { name: node.name });
          return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
        },
        { withinMs: 15_000, what: 'the node is ready again' },
      );
      await node.untilPod('hello', isReady, 'is ready again', 15_000);
    });

    test('the files of an image are a volume, which cannot be written to and leaves nothing', async () => {
      await node.runPod('image-files', {
        volumes: [{ name: 'tools', image: { reference: TOOLS_IMAGE, pullPolicy: 'IfNotPresent' } }],
        containers: [
          {
            name: 'c',
            image: TOOLS_IMAGE,
            command: ['sleep', '3600'],
            volumeMounts: [
              { name: 'tools', mountPath: '/tools' },
              { name: 'tools', mountPath: '/users', subPath: 'etc/passwd' },
            ],
          },
        ],
      });
      const { metadata } = await node.untilPod('image-files', isReady, 'is ready');
      const script = 'cat /tools/etc/passwd /users; touch /tools/new 2>&1 || true';
      const shown = await kubectl('exec', 'image-files', '--', 'sh', '-c', script);
      assert.match(shown, /^root:.*\nroot:.*\n.*Read-only file system/);
      await node.client.delete(podKind, { namespace: 'default', name: 'image-files' });
      await node.untilGone('image-files');
      assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(metadata.uid ?? '?'));
    });

    test('what refers to something that is not there says so', async () => {
      await node.runPod('lacking', {
        containers: [
          { name: 'c', image: 'registry.slipway.local/nothing:1', imagePullPolicy: 'Never' },
          { name: 'd', image: TOOLS_IMAGE, env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'nowhere', key: 'k' } } }] },
        ],
      });
      const pod = await node.untilPod(
        'lacking',
        (found) => statusOf(found, 'd')?.state?.waiting?.reason === 'CreateContainerConfigError',
        'says what it lacks',
      );
      assert.equal(statusOf(pod, 'd')?.state?.waiting?.message, 'configmap "nowhere" not found');
      assert.equal(statusOf(pod)?.state?.waiting?.reason, 'ErrImageNeverPull');
    });

    test('deletion runs preStop, sends SIGTERM, and leaves nothing', async () => {
      const pod = await node.runPod('graceful', {
        terminationGracePeriodSeconds: 20,
        volumes: [{ name: 'h', hostPath: { path: join(node.dir, 'shared'), type: 'DirectoryOrCreate' } }],
        containers: [
          {
            name: 'c',
            image: TOOLS_IMAGE,
            command: ['sh', '-c', 'trap "echo term >> /h/log; exit 0" TERM; while :; do sleep 0.1; done'],
            lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo preStop >> /h/log'] } } },
            volumeMounts: [{ name: 'h', mountPath: '/h' }],
          },
        ],
      });
      await node.untilPod('graceful', isReady, 'is ready');
      await node.client.delete(podKind, { namespace: 'default', name: 'graceful' });
      await node.untilGone('graceful');
      assert.equal(readFileSync(join(node.dir, 'shared/log'), 'utf8'), 'preStop\nterm\n');
      assert.ok(!existsSync(join(node.config.rootDir, 'pods', pod.metadata.uid ?? '')));
    });

    test('hooks of all containers run at once, and sidecars end after the others', async () => {
      const out = join(node.dir, 'order');
      const traps = (name: string, seconds: number): string =>
        `trap 'sleep ${seconds}; echo ${name} >> /out/log; exit 0' TERM; touch /tmp/up; while true; do sleep 0.1; done`;
      const volumeMounts = [{ name: 'out', mountPath: '/out' }];
      const startupProbe = { exec: { command: ['test', '-e', '/tmp/up'] }, periodSeconds: 1 };
      await node.runPod('ordered', {
        terminationGracePeriodSeconds: 20,
        volumes: [{ name: 'out', hostPath: { path: out, type: 'DirectoryOrCreate' } }],
        initContainers: [
          {
            name: 'side',
            image: TOOLS_IMAGE,
            restartPolicy: 'Always',
            command: ['sh', '-c', traps('side', 0)],
            lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo hook >> /out/log'] } } },
            startupProbe,
            volumeMounts,
          },
        ],
        containers: [{ name: 'c', image: TOOLS_IMAGE, command: ['sh', '-c', traps('main', 2)], startupProbe, volumeMounts }],
      });
      await node.untilPod('ordered', isReady, 'is ready');
      await node.client.delete(podKind, { namespace: 'default', name: 'ordered' });
      await node.untilGone('ordered');
      assert.equal(readFileSync(join(out, 'log'), 'utf8'), 'hook\nmain\nside\n');
    });

    test('a pod that ignores SIGTERM is killed at the end of its grace, or sooner when told to', async () => {
      await node.runPod('deaf', {
        terminationGracePeriodSeconds: 3600,
        command: ['sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done'],
      });
      await node.untilPod('deaf', isReady, 'is ready');
      await node.client.delete(podKind, { namespace: 'default', name: 'deaf' });
      await node.client.delete(podKind, { namespace: 'default', name: 'deaf' }, { gracePeriodSeconds: 1 });
      await node.untilGone('deaf');
    });

    test('a pod past its deadline has failed', async () => {
      await node.runPod('late', { activeDeadlineSeconds: 1 });
      const pod = await node.untilPod('late', (found) => found.status?.phase === 'Failed', 'has failed');
      assert.equal(pod.status?.reason, 'DeadlineExceeded');
    });

    test('memory beyond the limit ends a container as OOMKilled', async () => {
      await node.runPod('greedy', {
        restartPolicy: 'Never',
        containers: [
          {
            name: 'c',
            image: TOOLS_IMAGE,
            command: ['sh', '-c', 'x=a; while :; do x=$x$x; done'],
            resources: { limits: { memory: '24Mi' } },
          },
        ],
      });
      const pod = await node.untilPod('greedy', (found) => found.status?.phase === 'Failed', 'has failed');
      assert.equal(statusOf(pod)?.state?.terminated?.reason, 'OOMKilled');
      assert.equal(statusOf(pod)?.state?.terminated?.exitCode, 137);
    });

    test('containers go on while the agent is killed, and it finds them again', async () => {
      const before = await node.untilPod('hello', isReady, 'is ready');
      await node.stopAgent('SIGKILL');
      await node.runPod('meanwhile', {});
      node.startAgent();
      await node.untilPod('meanwhile', isReady, 'is ready');
      const again = await node.pod('hello');
      assert.equal(statusOf(again)?.containerID, statusOf(before)?.containerID);
      assert.equal(statusOf(again)?.restartCount, 0);
      assert.ok(isReady(again));
    });

    test('a container that ends while the API is away is started again, also by an agent that has only just begun', async () => {
      const { metadata } = await node.pod('hello');
      const file = join(node.dir, 'agent.json');
      const cri = createCriClient(node.config.containerRuntimeSocket);
      const running = async (): Promise<string | undefined> => {
        const labelSelector = { 'io.kubernetes.pod.uid': metadata.uid ?? '' };
        return (await cri.listContainers({ filter: { labelSelector, state: { state: 1 } } })).containers[0]?.id;
      };
      try {
        await node.stopAgent('SIGKILL');
        writeFileSync(file, JSON.stringify({ ...node.config, apiServers: ['https://127.0.0.1:1'] }));
        node.startAgent();
        const first = (await running()) ?? '';
        await cri.stopContainer({ containerId: first, timeout: 0 });
        await until(async () => ((await running()) ?? first) !== first, { what: 'another container runs', withinMs: 60_000 });
      } finally {
        cri.close();
        await node.stopAgent('SIGTERM');
        writeFileSync(file, JSON.stringify(node.config));
        node.startAgent();
      }
      await node.untilPod('hello', (found) => isReady(found) && statusOf(found)?.restartCount === 1, 'is shown as restarted');
    });

    test('a debugger joins a running pod, and its log is followed to its end', async () => {
      await kubectl('debug', 'hello', `--image=${TOOLS_IMAGE}`, '--container=look', '--target=c', '--', 'sh', '-c', 'ps; echo looked');
      assert.match(
        await kubectl('logs', '-f', 'hello', '-c', 'look').catch((error: { stderr?: string }) => error.stderr ?? ''),
        /looked|waiting to start/,
      );
      await until(async () => /sleep 3600[\s\S]*looked/.test(await kubectl('logs', 'hello', '-c', 'look').catch(() => '')), {
        what: 'the debugger has looked',
      });
    });

    test('containers go on while containerd is killed, and pods can be made again after it', async () => {
      const before = await node.pod('hello');
      await node.stopContainerd('SIGKILL');
      node.startContainerd();
      await node.runPod('later', {});
      await node.untilPod('later', isReady, 'is ready');
      assert.equal(statusOf(await node.pod('hello'))?.containerID, statusOf(before)?.containerID);
    });

    test('a manifest in the folder runs, shows as a mirror pod, and goes with its file', async () => {
      const file = join(node.config.manifestDir, 'static.yaml');
      writeFileSync(
        file,
        `apiVersion: v1\nkind: Pod\nmetadata: {name: fixed}\nspec:\n  containers: [{name: c, image: "${TOOLS_IMAGE}", command: [sleep, "3600"]}]\n`,
      );
      const pod = await until(
        () =>
          node.pod(`fixed-${node.name}`).then(
            () => true,
            () => false,
          ),
        { what: 'the mirror pod is there' },
      ).then(() => node.untilPod(`fixed-${node.name}`, isReady, 'is ready'));
      assert.ok(pod.metadata.annotations?.['kubernetes.io/config.mirror']);
      rmSync(file);
      await node.untilGone(`fixed-${node.name}`);
    });
  });
});
