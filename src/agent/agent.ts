import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { AgentConfig } from '../api/config/agent-config.ts';
import { pod as podKind } from '../api/core/pod.ts';
import { service as serviceKind } from '../api/core/service.ts';
import type { Stored } from '../api/meta/object.ts';
import type { Pod, Service } from '../api/types/core-v1.ts';
import type { Component } from '../base/async/component.ts';
import type { Logger } from '../base/log/logger.ts';
import type { Client } from '../client/client.ts';
import type { InformerFactory } from '../client/informer/informer-factory.ts';
import type { TlsCredentials } from './certificates/certificate-keeper.ts';
import { createCriClient } from './cri/cri-client.ts';
import type { NodeNetwork } from './network/network.ts';
import { readMachine } from './node/machine.ts';
import { NodeKeeper } from './node/node-keeper.ts';
import { allocatableOf } from './node/node-status.ts';
import { BackOff } from './pods/backoff.ts';
import { Cgroups } from './pods/cgroups.ts';
import { pullSecrets } from './pods/container-starter.ts';
import { createEventRecorder } from './pods/event-recorder.ts';
import type { NodeFacts } from './pods/field-ref.ts';
import { GarbageCollector } from './pods/garbage-collector.ts';
import { ImagePuller } from './pods/image-puller.ts';
import { LogRotator } from './pods/log-rotator.ts';
import type { PodContext } from './pods/pod-context.ts';
import { PodManager } from './pods/pod-manager.ts';
import { RuntimeReader } from './pods/runtime-state.ts';
import { StartTurns } from './pods/start-turns.ts';
import { StaticPods } from './pods/static-pods.ts';
import { AgentServer } from './server/agent-server.ts';
import { createObjectReader } from './volumes/object-reader.ts';
import { createTokenSource } from './volumes/token-source.ts';
import { VolumeManager } from './volumes/volume-manager.ts';

export interface AgentOptions {
  config: AgentConfig;
  client: Client;
  /** Of the whole cluster; its owner starts and stops it. */
  informers: InformerFactory;
  log: Logger;
  /** Undefined where pods get their network from elsewhere (tests). */
  network: NodeNetwork | undefined;
  now?: () => number;
  /** Another machine has become this node: the agent is to be stopped. */
  succeeded?: () => void;
  /** TLS material of the kubelet API at its start. */
  tls: TlsCredentials;
}

export interface Agent {
  /** In the order in which they start. */
  components: Component[];
  pods: PodManager;
  /** The port that the kubelet API listens on, once it has started. */
  serverPort(): number;
  /** The kubelet API shows these to connections from now on. */
  renewTls(tls: TlsCredentials): void;
}

/** Pods that are being started at a time: more only makes each of them slower, fewer leave processors idle while a plugin or the disk works. */
const STARTS_AT_ONCE = Math.min(16, 2 * availableParallelism());
const CRASH_BACKOFF = { initialMs: 10_000, maxMs: 300_000 };
/** Pods that were known before the API went away do not wait longer than this for their variables of Services. */
const SERVICES_PATIENCE_MS = 5000;
/** Without an answer for this long the runtime counts as down. */
const RUNTIME_SILENCE_MS = 30_000;

/** Puts together one node's agent: pods, volumes, node status and the kubelet API. Starts nothing. */
export const createAgent = async (options: AgentOptions): Promise<Agent> => {
  const { config, client, informers, log, network, now = Date.now } = options;
  const cri = createCriClient(config.containerRuntimeSocket);
  const machine = await readMachine(config);
  const events = createEventRecorder({ client, nodeName: config.nodeName, log, now });
  const node: NodeFacts = {
    nodeName: config.nodeName,
    hostIPs: [config.nodeAddress],
    allocatable: allocatableOf(machine, config.reserved),
  };
  const objects = createObjectReader(client);
  const tokens = createTokenSource(client, now);
  const services = informers.of<Service>(serviceKind);
  const images = new ImagePuller({ cri, events, now });
  const pods = informers.of<Pod>(podKind, { fieldSelector: `spec.nodeName=${config.nodeName}` });
  const context: PodContext = {
    cri,
    client,
    log: log.child({ component: 'pods' }),
    now,
    reader: new RuntimeReader(cri),
    images,
    volumes: new VolumeManager({
      rootDir: config.rootDir,
      client,
      sources: { objects, tokens, node },
      log,
      now,
      runtimeSocket: config.containerRuntimeSocket,
      pullImage: async (pod, { reference, pullPolicy }) => {
        const wanted = { name: '', ...(reference ? { image: reference } : {}), ...(pullPolicy ? { imagePullPolicy: pullPolicy } : {}) };
        return (await images.ensure(pod, wanted, () => pullSecrets({ objects, events }, pod))).id;
      },
      changed: (uid) => manager.refreshVolumes(uid),
    }),
    objects,
    events,
    cgroups: new Cgroups({ root: config.cgroupRoot ?? '/', log }),
    starts: new StartTurns({ most: STARTS_AT_ONCE }),
    restarts: new BackOff(CRASH_BACKOFF),
    node,
    runtimeName: 'containerd',
    dns: { clusterDns: config.clusterDns, clusterDomain: config.clusterDomain, resolvConf: '/etc/resolv.conf' },
    podLogsDir: config.podLogsDir,
    services: () => (services.hasSynced ? services.list() : [apiService(config.serviceCidr)]),
    servicesKnown: Promise.race([services.synced, new Promise<void>((resolve) => setTimeout(resolve, SERVICES_PATIENCE_MS).unref())]),
    networkProblem: () =>
      network && !network.isReady() && !hasCniConfig(config.cniConfDir)
        ? 'container runtime network not ready: cni plugin not initialized'
        : undefined,
    mirrorOf: (pod: Stored<Pod>) => staticPods.mirrorOf(pod),
    awaitEndpointsDrained: (pod, drain) => network?.awaitEndpointsDrained(pod, drain) ?? Promise.resolve({ drained: true }),
  };
  const manager = new PodManager({
    context,
    pods,
    runtimeSocket: config.containerRuntimeSocket,
    maxPods: config.maxPods,
    rootDir: config.rootDir,
    nodeLabels: () => keeper.labels,
    refreshNode: () => keeper.refresh(),
  });
  const staticPods = new StaticPods({ directory: config.manifestDir, nodeName: config.nodeName, client, mirrors: pods, manager, log });
  const keeper = new NodeKeeper({
    client,
    config,
    cri,
    log: log.child({ component: 'node' }),
    machine,
    now,
    podsTold: manager.told,
    succeeded: () => options.succeeded?.(),
    problems: () => {
      const { lastAnswerAt, lastError } = manager.watcher;
      const problem = context.networkProblem();
      return [
        ...(lastError && now() - lastAnswerAt > RUNTIME_SILENCE_MS ? [`container runtime is down: ${lastError}`] : []),
        ...(problem ? [problem] : []),
      ];
    },
  });
  void network?.ready().then(
    () => keeper.poke(),
    () => {},
  );
  const server = new AgentServer({
    config,
    client,
    cri,
    context,
    manager,
    machine,
    tls: options.tls,
    log: log.child({ component: 'server' }),
  });
  const collector = new GarbageCollector({ context, manager, pauseImage: config.pauseImage, rootDir: config.rootDir });
  const rotator = new LogRotator({ cri, manager, log });
  return {
    components: [server, manager, staticPods, keeper, collector, rotator],
    pods: manager,
    serverPort: () => server.port,
    renewTls: (tls) => server.renew(tls),
  };
};

/** Left by a run before this one: pods can have addresses while the API is away. */
const hasCniConfig = (directory: string): boolean => {
  try {
    return readdirSync(directory).some((name) => /\.conf(list)?$/.test(name));
  } catch {
    return false;
  }
};

/** The one Service whose address is known without asking: the first of the range. */
const apiService = (serviceCidr: string): Stored<Service> => ({
  metadata: { name: 'kubernetes', namespace: 'default' },
  spec: {
    clusterIP: serviceCidr.replace(/(\d+)\/\d+$/, (_, last: string) => String(Number(last) + 1)),
    ports: [{ name: 'https', port: 443, protocol: 'TCP' }],
  },
});
