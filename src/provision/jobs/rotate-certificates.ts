import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { CERTIFICATES_ANNOTATION, digestOf, type UsedCertificates } from '../../api/config/used-certificates.ts';
import { configMap } from '../../api/core/config-map.ts';
import { node as nodeKind } from '../../api/core/node.ts';
import type { Stored } from '../../api/meta/object.ts';
import type { ConfigMap, Node } from '../../api/types/core-v1.ts';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { ProgressEvent } from '../../base/progress.ts';
import { apiAccess } from '../admin-transport.ts';
import { type ClusterContext, controlPlanes, hostOf, onEveryNode } from '../cluster-context.ts';
import { openContext } from '../open-context.ts';
import { SERVICES } from '../spec/node-paths.ts';
import { layAgentSecrets } from '../steps/agents.ts';
import { apiReady } from '../steps/api-ready.ts';
import { certificates } from '../steps/certificates.ts';
import { layServerSecrets } from '../steps/control-plane.ts';
import { kubeconfig } from '../steps/kubeconfig.ts';
import { requirePki } from '../steps/lay-files.ts';
import { nodesReady, requireClient } from '../steps/nodes-ready.ts';
import type { Step } from '../steps/step.ts';
import { waitFor } from '../steps/wait.ts';
import { announceAuthority, rotationStage, settleAuthority, takeOver } from './authority-rotation.ts';
import { step } from './down.ts';
import { type Job, startJob } from './job.ts';
import { type OpenCluster, withReachedCluster } from './power.ts';

export interface RotateOptions {
  /** The authority too, and the key of service accounts. */
  authority: boolean;
  signal: AbortSignal;
}

/** Programs look at their files every two seconds. */
const IN_USE_MS = 60_000;

/**
 * Renews every certificate of a cluster now, over the hosts' own connections: it mends one whose certificates have all ended as well. Nothing
 * is restarted and no connection is cut: programs take up what was replaced.
 */
export const rotateCertificates = (name: string, options: RotateOptions): Job<{ nodes: string[] }> =>
  startJob((push) =>
    withReachedCluster(name, async (cluster) => {
      const stage = await rotationStage(cluster.folder);
      // A change of the authority that was interrupted goes on, whatever was asked.
      if (!options.authority && stage === 'settled') return { nodes: await rotate(cluster, { push, signal: options.signal, renew: true }) };
      if (stage === 'settled') await announceAuthority(cluster.folder, name);
      if (stage !== 'taken over') {
        push({ type: 'note', message: 'Stage 1 of 3: all come to trust the new authority beside the old one.' });
        await rotate(cluster, { push, signal: options.signal, renew: false, all: true });
        await takeOver(cluster.folder);
      }
      push({ type: 'note', message: 'Stage 2 of 3: every certificate is signed by the new authority.' });
      await rotate(cluster, { push, signal: options.signal, renew: false, all: true });
      await settleAuthority(cluster.folder);
      push({ type: 'note', message: 'Stage 3 of 3: the old authority is trusted no longer.' });
      return { nodes: await rotate(cluster, { push, signal: options.signal, renew: false, all: true }) };
    }),
  );

interface RotateRun {
  push: (event: ProgressEvent) => void;
  signal: AbortSignal;
  /** Also those that still serve. */
  renew: boolean;
  /** Every node has to be there. */
  all?: boolean;
}

const rotate = async (cluster: OpenCluster, run: RotateRun): Promise<string[]> => {
  const { push, signal } = run;
  const { context, absent, close } = await openContext(cluster, { signal, renewCertificates: run.renew });
  const apply = (one: Step<ClusterContext>) =>
    step(push, one, () => one.apply(context, (detail) => push({ type: 'step-detail', step: one.name, detail })));
  try {
    checkPresent(context, absent, run);
    for (const { node, reason } of absent)
      push({
        type: 'warning',
        message: `${node.name} keeps its certificates (${reason}): slipway certs rotate ${cluster.state.spec.name} once it runs`,
      });
    await apply(certificates);
    await step(push, { name: 'lay-certificates', title: 'Laying them down' }, () => lay(context));
    await apply(kubeconfig);
    await apply(apiReady);
    await apply(nodesReady);
    await step(push, { name: 'in-use', title: 'Seeing them in use' }, () => awaitInUse(context));
    return context.spec.nodes.map((node) => node.name);
  } finally {
    await close();
  }
};

const checkPresent = (context: ClusterContext, absent: readonly { node: { name: string }; reason: string }[], run: RotateRun): void => {
  const name = context.spec.name;
  const [first] = absent;
  const isMissing = first !== undefined && (run.all || controlPlanes(context.spec).length === 0);
  if (!isMissing) return;
  throw new SlipwayError('HOST_UNREACHABLE', {
    tried: run.all ? `change the authority of ${name} on every node` : `renew the certificates of ${name}`,
    cause: `${first.node.name} is not there: ${first.reason}`,
    advice: [`slipway start ${name}`, `slipway node remove ${first.node.name} --force --cluster ${name}`],
  });
};

const lay = async (context: ClusterContext): Promise<{ changed: boolean }> => {
  const server = await onEveryNode(context, controlPlanes(context.spec), (node) => layServerSecrets(context, node));
  const agents = await onEveryNode(context, context.spec.nodes, (node) => layAgentSecrets(context, node));
  return { changed: server.changed || agents.changed };
};

/** Until servers show, and agents say that they use, what was laid down. */
const awaitInUse = async (context: ClusterContext): Promise<void> => {
  const { fresh, trustPem } = requirePki(context);
  const client = requireClient(context);
  const servers = controlPlanes(context.spec);
  const wait = (tried: string, node: (typeof servers)[number] | undefined, service: string, attempt: () => Promise<true | undefined>) =>
    waitFor(attempt, {
      signal: context.signal,
      timeoutMs: IN_USE_MS,
      tried,
      logs: node && { host: hostOf(context, node), service },
      advice: [`slipway certs rotate ${context.spec.name}`, `slipway doctor`],
    });
  await Promise.all([
    ...servers.map((node, index) => {
      const wanted = fresh.get(node.name)?.get('apiserver')?.pair.certPem;
      return wait(`see the API server of ${node.name} use its new certificate`, node, SERVICES.server, async () => {
        const shown = wanted && (await certificateShownAt(apiAccess(context).servers[index] ?? ''));
        if (wanted && shown !== new X509Certificate(wanted).fingerprint256) throw new Error('it shows the old one');
        const map = await client.get<Stored<ConfigMap>>(configMap, {
          namespace: 'kube-system',
          name: 'extension-apiserver-authentication',
        });
        return map.data?.['client-ca-file'] === trustPem || undefined;
      });
    }),
    ...context.spec.nodes.map((node) => {
      const leaves = fresh.get(node.name);
      const [own, serving] = (['agent', 'agent-serving'] as const).map((name) => leaves?.get(name)?.pair.certPem);
      return wait(`see the agent of ${node.name} use its new certificates`, node, SERVICES.agent, async () => {
        const { metadata } = await client.get<Stored<Node>>(nodeKind, { name: node.name });
        const used = JSON.parse(metadata.annotations?.[CERTIFICATES_ANNOTATION] ?? '{}') as Partial<UsedCertificates>;
        const isDone =
          used.trust === digestOf(trustPem) && (!own || used.client === digestOf(own)) && (!serving || used.serving === digestOf(serving));
        if (!isDone) throw new Error('it uses the old ones');
        return true;
      });
    }),
  ]);
};

/** What a server shows to whoever connects; nothing is sent to it, so whether it is trusted does not matter here. */
const certificateShownAt = (url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false, timeout: 5000 }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error('no answer within 5 s')));
  });
