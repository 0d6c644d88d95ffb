import { deployment } from '../../api/apps/deployment.ts';
import { service } from '../../api/core/service.ts';
import type { ResourceName } from '../../api/meta/object.ts';
import { StatusError } from '../../api/meta/status.ts';
import type { Deployment } from '../../api/types/apps-v1.ts';
import type { Service } from '../../api/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { type ClusterContext, controlPlanes, hostOf } from '../cluster-context.ts';
import { DEMO_IMAGES } from '../images/builtin-images.ts';
import { overLostApi } from '../over-lost-api.ts';
import { NODE_PATHS, SERVICES } from '../spec/node-paths.ts';
import { requireClient } from './nodes-ready.ts';
import type { Step } from './step.ts';
import { waitFor } from './wait.ts';

const NAME = 'demo';
const TIMEOUT_MS = Number(process.env['SLIPWAY_DEMO_TIMEOUT_MS'] ?? 60_000);

/** A Deployment and a Service of the demo image. Made when nodes can take pods: one that finds no node waits a second before it is tried again. */
export const demo: Step<ClusterContext> = {
  name: 'demo',
  title: 'Deploying the demo',
  needs: ['nodes-ready', 'images'],
  wanted: (context) => context.options.demo,
  apply: async (context) => {
    const client = requireClient(context);
    const made = await Promise.all([
      overLostApi(() => createUnlessThere(client, deployment, demoDeployment), context),
      overLostApi(() => createUnlessThere(client, service, demoService), context),
    ]);
    return { changed: made.includes(true) };
  },
};

/** Fetches the demo as an application in the cluster would: through its Service, by its DNS name. */
export const demoAnswers: Step<ClusterContext> = {
  name: 'demo-answers',
  title: 'Fetching the demo through its Service',
  needs: ['demo'],
  wanted: (context) => context.options.demo,
  apply: async (context, report) => {
    const [first] = controlPlanes(context.spec);
    const host = hostOf(context, first ?? (context.spec.nodes[0] as (typeof context.spec.nodes)[0]));
    const { clusterDns, clusterDomain } = context.spec.network;
    const url = `http://${NAME}.default.svc.${clusterDomain}/`;
    const patienceMs = context.options.timeoutMs ?? TIMEOUT_MS;
    const answer = await waitFor(
      async () => {
        const { exitCode, stdout, stderr } = await host.run(
          [NODE_PATHS.node, '--input-type=module', '-', clusterDns, url, String(patienceMs)],
          { input: FETCH_PROGRAM, check: false, signal: context.signal, timeoutMs: patienceMs + 10_000 },
        );
        if (exitCode === 0) return stdout.trim();
        throw new Error(stderr.trim().split('\n').at(-1) ?? '');
      },
      {
        signal: context.signal,
        // The program on the node does the waiting; it is started once.
        timeoutMs: 1,
        tried: `fetch ${url} on ${host.name}`,
        logs: { host, service: SERVICES.agent },
        advice: ['slipway get pods', 'slipway get endpointslices', `slipway up ${context.spec.name} --demo`],
      },
    );
    report(answer);
    return { changed: false };
  },
};

/** Asks the cluster's own DNS (not the node's resolver) and then the address that it gives, until a 200 comes. */
const FETCH_PROGRAM = `
import { Resolver } from 'node:dns/promises';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
const [server, target, patience] = process.argv.slice(-3);
const url = new URL(target);
const deadline = Date.now() + Number(patience);
let last = 'no answer';
const resolver = () => { const made = new Resolver({ timeout: 250, tries: 1 }); made.setServers([server]); return made; };
const fetchFrom = (address) => new Promise((resolve, reject) => {
  const request = get({ host: address, port: url.port || 80, path: url.pathname, headers: { host: url.host }, timeout: 500 }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (part) => { text += part; }).on('end', () => response.statusCode === 200 ? resolve(text) : reject(new Error('HTTP ' + response.statusCode)));
  });
  request.on('timeout', () => request.destroy(new Error('no answer from ' + address)));
  request.on('error', reject);
});
while (Date.now() < deadline) {
  try {
    const [address] = await resolver().resolve4(url.hostname);
    console.log(await fetchFrom(address));
    process.exit(0);
  } catch (error) { last = error.message; }
  await delay(10);
}
console.error(last);
process.exit(1);
`;

/** Parts of the demo that `up --demo` would make. */
export const demoDifferences = async (client: Client): Promise<{ action: 'create'; kind: string; name: string }[]> => {
  const isMissing = (resource: ResourceName): Promise<boolean> =>
    client.get(resource, { name: NAME, namespace: 'default' }).then(
      () => false,
      (error: unknown) => {
        if (error instanceof StatusError && error.status.code === 404) return true;
        throw error;
      },
    );
  const missing = await Promise.all([isMissing(deployment), isMissing(service)]);
  return ['Deployment', 'Service']
    .filter((_, index) => missing[index])
    .map((kind) => ({ action: 'create', kind: 'demo', name: `${kind} ${NAME}` }));
};

const createUnlessThere = async <T>(client: Client, resource: ResourceName, object: T): Promise<boolean> => {
  try {
    await client.create(resource, object, { namespace: 'default' });
    return true;
  } catch (error) {
    if (error instanceof StatusError && error.status.reason === 'AlreadyExists') return false;
    throw error;
  }
};

const labels = { app: NAME };

/** What the demo tells of itself. */
const demoEnvironment = [
  { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
];

const demoDeployment: Deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: NAME, namespace: 'default', labels },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        containers: [
          {
            name: NAME,
            image: DEMO_IMAGES[0],
            imagePullPolicy: 'IfNotPresent',
            readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
            ports: [{ containerPort: 8080 }],
            env: demoEnvironment,
          },
        ],
      },
    },
  },
};

const demoService: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: NAME, namespace: 'default', labels },
  spec: { type: 'NodePort', selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }] },
};
