/** One real node for tests: containerd with images of its own, an API server in this process and slipway-agent as a process. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentConfig } from '../../src/api/config/agent-config.ts';
import { namespace as namespaceKind } from '../../src/api/core/namespace.ts';
import { node as nodeKind } from '../../src/api/core/node.ts';
import { pod as podKind } from '../../src/api/core/pod.ts';
import { serviceAccount } from '../../src/api/core/service-account.ts';
import type { Stored } from '../../src/api/meta/object.ts';
import type { Node, Pod, PodSpec } from '../../src/api/types/core-v1.ts';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/create-client.ts';
import { createRestTransport } from '../../src/client/rest/rest-transport.ts';
import { issueCertificate } from '../../src/pki/certificates.ts';
import { pauseImage } from '../../src/provision/images/builtin-images.ts';
import { writeImageArchive } from '../../src/provision/images/write-archive.ts';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';

export const TOOLS_IMAGE = 'registry.slipway.local/tools:1';
const NODE_ADDRESS = '172.31.77.11';

export interface TestNode {
  readonly api: TestApiServer;
  readonly client: Client;
  readonly name: string;
  readonly dir: string;
  readonly config: AgentConfig;
  agent: ChildProcess;
  agentLog(): string;
  startAgent(): void;
  stopAgent(signal: NodeJS.Signals): Promise<void>;
  startContainerd(): void;
  stopContainerd(signal: NodeJS.Signals): Promise<void>;
  /** Made and bound to the node. One container `c` of the tools image unless the spec says otherwise. */
  runPod(name: string, spec: Partial<PodSpec> & { command?: string[] }, metadata?: object): Promise<Stored<Pod>>;
  pod(name: string): Promise<Stored<Pod>>;
  untilPod(name: string, holds: (pod: Stored<Pod>) => unknown, what: string, withinMs?: number): Promise<Stored<Pod>>;
  untilGone(name: string, withinMs?: number): Promise<void>;
  stop(): Promise<void>;
}

/** To be called inside namespaces of the test's own, see network-sandbox.ts. */
export const startNode = async (): Promise<TestNode> => {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-node-'));
  const name = 'n1';
  const socket = join(dir, 'containerd.sock');
  layFiles(dir, socket);
  execFileSync('sh', [
    '-c',
    `ip link add eth0 type veth peer name peer0 && ip addr add ${NODE_ADDRESS}/24 dev eth0 && ip link set eth0 up && ip link set peer0 up && sysctl -qw net.ipv4.ip_forward=1`,
  ]);
  const api = await startApiServer();
  const client = createClient(createRestTransport({ servers: [api.url], ca: api.caPem, cert: api.admin.certPem, key: api.admin.keyPem }));
  const config = await agentConfig({ api, dir, name, socket });
  const configFile = join(dir, 'agent.json');
  writeFileSync(configFile, JSON.stringify(config));

  const node: TestNode & { containerd?: ChildProcess } = {
    api,
    client,
    name,
    dir,
    config,
    agent: undefined as never,
    agentLog: () => readFileSync(join(dir, 'agent.log'), 'utf8'),
    startContainerd: () => {
      node.containerd = spawn('containerd', ['-c', join(dir, 'containerd.toml')], {
        stdio: ['ignore', 'ignore', openSync(join(dir, 'containerd.log'), 'a')],
      });
    },
    stopContainerd: (signal) => end(node.containerd as ChildProcess, signal),
    startAgent: () => {
      // The bundled program may be put in its place.
      const program = process.env['SLIPWAY_AGENT'] ?? fileURLToPath(new URL('../../src/runtime/slipway-agent.ts', import.meta.url));
      const log = openSync(join(dir, 'agent.log'), 'a');
      node.agent = spawn(process.execPath, [program, '--config', configFile], { stdio: ['ignore', 'ignore', log] });
    },
    stopAgent: (signal) => end(node.agent, signal),
    runPod: (podName, { command, ...spec }, metadata = {}) =>
      client.create<Stored<Pod>>(podKind, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: podName, namespace: 'default', ...metadata },
        spec: {
          nodeName: name,
          terminationGracePeriodSeconds: 1,
          automountServiceAccountToken: false,
          containers: [{ name: 'c', image: TOOLS_IMAGE, command: command ?? ['sleep', '3600'] }],
          ...spec,
        },
      }),
    pod: (podName) => client.get<Stored<Pod>>(podKind, { namespace: 'default', name: podName }),
    untilPod: async (podName, holds, what, withinMs = 60_000) => {
      let last: Stored<Pod> | undefined;
      await until(
        async () => {
          last = await node.pod(podName);
          return holds(last);
        },
        { withinMs, what: `pod ${podName}: ${what}` },
      ).catch((error: Error) => {
        throw new Error(`${error.message}\n${JSON.stringify(last?.status, null, 1)}\n${node.agentLog().slice(-3000)}`);
      });
      return last as Stored<Pod>;
    },
    untilGone: (podName, withinMs = 60_000) =>
      until(
        () =>
          node.pod(podName).then(
            () => false,
            () => true,
          ),
        { withinMs, what: `pod ${podName} is gone` },
      ),
    stop: async () => {
      await node.stopAgent('SIGTERM');
      await node.stopContainerd('SIGKILL');
      await api.stop();
      execFileSync('sh', [
        '-c',
        `umount /var/lib/cni; awk '$5 ~ "^${dir}/" { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l`,
      ]);
      rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
      await until(() => removeControlGroups(config.cgroupRoot ?? ''), { what: 'its control groups are gone' });
    },
  };
  node.startContainerd();
  await until(() => existsSync(socket), { what: 'containerd listens' });
  await importImages(dir, socket);
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } };
  await client.create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } }).catch(() => {});
  await client.create(serviceAccount, account);
  node.startAgent();
  // What the node controllers would do.
  await until(
    () =>
      client.get(nodeKind, { name }).then(
        () => true,
        () => false,
      ),
    { what: 'the node registers' },
  );
  await client.patch(
    nodeKind,
    { name },
    { spec: { podCIDR: '10.77.1.0/24', podCIDRs: ['10.77.1.0/24'] } },
    { type: 'application/merge-patch+json' },
  );
  await until(
    async () => {
      const { status } = await client.get<Node>(nodeKind, { name });
      return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
    },
    { what: 'the node is ready' },
  );
  return node;
};

const end = (child: ChildProcess, signal: NodeJS.Signals): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('close', () => resolve());
    child.kill(signal);
  });

/** Ends what a test left running in them; whether all are gone. */
const removeControlGroups = (root: string): boolean => {
  const paths = [...globSync(`/sys/fs/cgroup/*${root}/**/`), ...globSync(`/sys/fs/cgroup/*${root}/`)];
  for (const path of [...new Set(paths.map((each) => each.replace(/\/+$/, '')))].sort().reverse())
    try {
      for (const pid of readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
      rmdirSync(path);
    } catch {
      // A process that has been killed leaves its group a moment later.
    }
  return globSync(`/sys/fs/cgroup/*${root}`).length === 0;
};

const layFiles = (dir: string, socket: string): void => {
  for (const name of ['cni', 'pki', 'manifests', 'lib-cni']) mkdirSync(join(dir, name));
  // libcni keeps results here whatever its configuration says.
  mkdirSync('/var/lib/cni', { recursive: true });
  execFileSync('mount', ['--bind', join(dir, 'lib-cni'), '/var/lib/cni']);
  writeFileSync(
    join(dir, 'containerd.toml'),
    `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "registry.slipway.local/pause:1"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${dir}/cni"
`,
  );
};

const agentConfig = async (facts: { api: TestApiServer; dir: string; name: string; socket: string }): Promise<AgentConfig> => {
  const { api, dir, name, socket } = facts;
  const serving = await issueCertificate(api.authority, {
    commonName: `system:node:${name}`,
    organizations: ['system:nodes'],
    dnsNames: [name],
    ipAddresses: [NODE_ADDRESS],
    usages: ['server'],
    days: 1,
  });
  const own = await api.issue(`system:node:${name}`, ['system:nodes']);
  const file = (path: string, text: string): string => {
    writeFileSync(join(dir, 'pki', path), text, { mode: 0o600 });
    return join(dir, 'pki', path);
  };
  return {
    clusterName: 'test',
    nodeName: name,
    nodeAddress: NODE_ADDRESS,
    apiServers: [api.url],
    pki: {
      caFile: file('ca.crt', api.caPem),
      clientCertFile: file('client.crt', own.certPem),
      clientKeyFile: file('client.key', own.keyPem),
      servingCertFile: file('serving.crt', serving.certPem),
      servingKeyFile: file('serving.key', serving.keyPem),
    },
    port: 10_250,
    labels: { 'example.com/disk': 'fast' },
    taints: [],
    containerRuntimeSocket: socket,
    cniBinDir: '/usr/lib/cni',
    cniConfDir: join(dir, 'cni'),
    clusterDns: '10.96.0.10',
    clusterDomain: 'cluster.local',
    serviceCidr: '10.96.0.0/16',
    podCidr: '10.77.0.0/16',
    nodePortRange: [30_000, 32_767],
    rootDir: join(dir, 'kubelet'),
    manifestDir: join(dir, 'manifests'),
    podLogsDir: join(dir, 'logs'),
    pauseImage: 'registry.slipway.local/pause:1',
    maxPods: 110,
    overlay: 'routes',
    reserved: { cpu: '100m', memory: '100Mi' },
    cgroupRoot: `/slipway-test-${process.pid}-${Date.now()}`,
    upstreamDns: [],
    logLevel: 'debug',
  };
};

const importImages = async (dir: string, socket: string): Promise<void> => {
  const busybox = readFileSync('/bin/busybox');
  const programs = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' })
    .split('\n')
    .filter((name) => name && name !== 'busybox');
  const tools = await writeImageArchive({
    reference: TOOLS_IMAGE,
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    entries: [
      { path: 'bin/' },
      { path: 'bin/busybox', content: busybox, mode: 0o755 },
      ...programs.map((name) => ({ path: `bin/${name}`, linkTo: 'busybox' })),
      { path: 'etc/' },
      { path: 'etc/passwd', content: 'root:x:0:0:root:/:/bin/sh\n' },
      { path: 'etc/group', content: 'root:x:0:\n' },
      { path: 'tmp/', mode: 0o1777 },
    ],
    config: { Entrypoint: ['/bin/sh'], Env: ['PATH=/bin'], WorkingDir: '/' },
  });
  for (const [name, bytes] of [
    ['pause.tar', await pauseImage()],
    ['tools.tar', tools],
  ] as const) {
    writeFileSync(join(dir, name), bytes);
    await until(
      () => {
        try {
          execFileSync('ctr', ['-a', socket, '-n', 'k8s.io', 'images', 'import', join(dir, name)], { stdio: 'pipe' });
          return true;
        } catch {
          return false; // containerd has only just begun to listen.
        }
      },
      { what: `${name} is imported` },
    );
  }
};
