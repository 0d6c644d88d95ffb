import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitPod } from '../../../src/agent/pods/admission.ts';
import { BackOff, goDuration } from '../../../src/agent/pods/backoff.ts';
import { containerEnvironment, expandVariables, serviceVariables } from '../../../src/agent/pods/environment.ts';
import { fieldText, resourceText } from '../../../src/agent/pods/field-ref.ts';
import { hostsFile } from '../../../src/agent/pods/hosts-file.ts';
import { containerResources, podLimits, podRequests, qosClass } from '../../../src/agent/pods/resources.ts';
import { dnsOf, hostnameOf } from '../../../src/agent/pods/sandbox-config.ts';
import { statusPatch } from '../../../src/agent/pods/status-writer.ts';
import type { Stored } from '../../../src/api/meta/object.ts';
import { notFound } from '../../../src/api/meta/status.ts';
import type { Container, Pod, PodSpec, Service } from '../../../src/api/types/core-v1.ts';

const makePod = (spec: Partial<PodSpec> = {}): Stored<Pod> => ({
  metadata: { name: 'web', namespace: 'shop', uid: 'u', labels: { b: '2', a: 'x"y' } },
  spec: { containers: [{ name: 'c' }], ...spec },
});
const node = { nodeName: 'n1', hostIPs: ['192.0.2.1'], allocatable: { cpuMillis: 1500, memoryBytes: 1024 ** 3, ephemeralBytes: 1024 } };

test('back-off doubles from failure to failure, up to its bound, and is forgotten after a long good run', () => {
  const backOff = new BackOff({ initialMs: 10, maxMs: 35 });
  const delays: number[] = [];
  let now = 1000;
  for (let failure = 0; failure < 4; failure++) {
    backOff.next('k', { since: now, now });
    delays.push(backOff.remaining('k', { since: now, now }).waitMs);
    now += 40;
  }
  assert.deepEqual(delays, [10, 20, 35, 35]);
  assert.equal(backOff.remaining('k', { since: now + 1000, now: now + 1000 }).waitMs, 0);
  assert.deepEqual([10_000, 60_000, 80_000, 300_000].map(goDuration), ['10s', '1m0s', '1m20s', '5m0s']);
});

test('variables are expanded as in Go: unknown names stay, two dollars escape', () => {
  const lookup = (name: string) => ({ A: 'one' })[name];
  for (const [input, output] of [
    ['$(A)', 'one'],
    ['$$(A)', '$(A)'],
    ['$(B)-$(A)', '$(B)-one'],
    ['$A $', '$A $'],
    ['$(A', '$(A'],
  ])
    assert.equal(expandVariables(input as string, lookup), output);
});

test("services of the namespace and the API's own become variables", () => {
  const service = (namespace: string, name: string, clusterIP: string): Stored<Service> => ({
    metadata: { namespace, name },
    spec: { clusterIP, ports: [{ name: 'http', port: 80 }] },
  });
  const all = [
    service('shop', 'my-db', '10.96.0.7'),
    service('other', 'x', '10.96.0.8'),
    service('default', 'kubernetes', '10.96.0.1'),
    service('shop', 'headless', 'None'),
  ];
  const variables = serviceVariables(all, { namespace: 'shop', withLinks: true });
  assert.equal(variables.get('MY_DB_SERVICE_HOST'), '10.96.0.7');
  assert.equal(variables.get('MY_DB_SERVICE_PORT_HTTP'), '80');
  assert.equal(variables.get('MY_DB_PORT_80_TCP'), 'tcp://10.96.0.7:80');
  assert.equal(variables.get('KUBERNETES_SERVICE_HOST'), '10.96.0.1');
  assert.ok(!variables.has('X_SERVICE_HOST') && !variables.has('HEADLESS_SERVICE_HOST'));
  assert.deepEqual(
    [...serviceVariables(all, { namespace: 'shop', withLinks: false }).keys()].filter((name) => !name.startsWith('KUBERNETES_')),
    [],
  );
});

const environment = (container: Partial<Container>, configMaps: Record<string, Record<string, string>> = {}) =>
  containerEnvironment({
    pod: makePod(),
    container: { name: 'c', ...container },
    podIPs: ['10.0.0.1'],
    node,
    services: [],
    configMap: async (name) => {
      if (!configMaps[name]) throw notFound({ group: '', plural: 'configmaps' }, name);
      return { data: configMaps[name] };
    },
    secret: async (name) => {
      throw notFound({ group: '', plural: 'secrets' }, name);
    },
  });

test('env stands above envFrom, and later variables see earlier ones', async () => {
  const result = await environment(
    {
      envFrom: [{ configMapRef: { name: 'cm' }, prefix: 'P_' }, { secretRef: { name: 'gone', optional: true } }],
      env: [
        { name: 'P_A', value: 'own' },
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'URL', value: 'http://$(IP)/$(P_B)' },
        { name: 'MAYBE', valueFrom: { configMapKeyRef: { name: 'cm', key: 'none', optional: true } } },
      ],
    },
    { cm: { A: '1', B: '2' } },
  );
  assert.deepEqual(Object.fromEntries(result), { P_A: 'own', P_B: '2', IP: '10.0.0.1', URL: 'http://10.0.0.1/2' });
});

test('what env refers to and is not there is named as kubelet names it', async () => {
  const from = (configMapKeyRef: { name: string; key: string }) =>
    environment({ env: [{ name: 'X', valueFrom: { configMapKeyRef } }] }, { cm: {} });
  await assert.rejects(from({ name: 'cm', key: 'k' }), {
    reason: 'CreateContainerConfigError',
    message: "couldn't find key k in ConfigMap shop/cm",
  });
  await assert.rejects(from({ name: 'nope', key: 'k' }), { message: 'configmap "nope" not found' });
});

test('downward fields: maps in the order of their keys, resources in units rounded up, unset limits are what the node has', () => {
  assert.equal(fieldText(makePod(), 'metadata.labels', node, []), 'a="x\\"y"\nb="2"');
  assert.equal(fieldText(makePod(), "metadata.labels['b']", node, []), '2');
  const container = { name: 'c', resources: { limits: { cpu: '250m', memory: '65Mi' } } };
  assert.equal(resourceText(container, { resource: 'limits.cpu' }, node), '1');
  assert.equal(resourceText(container, { resource: 'limits.cpu', divisor: '1m' }, node), '250');
  assert.equal(resourceText(container, { resource: 'limits.memory', divisor: '1Mi' }, node), '65');
  assert.equal(resourceText({ name: 'c' }, { resource: 'limits.cpu' }, node), '2');
  assert.equal(resourceText({ name: 'c' }, { resource: 'requests.memory' }, node), '0');
});

test('quality of service and cgroup values follow from requests and limits', () => {
  const spec = (resources: Container['resources']): PodSpec => ({ containers: [{ name: 'c', resources }] });
  assert.equal(qosClass(spec(undefined)), 'BestEffort');
  assert.equal(qosClass(spec({ requests: { cpu: '1' } })), 'Burstable');
  assert.equal(qosClass(spec({ limits: { cpu: '1', memory: '1Gi' } })), 'Guaranteed');
  const burstable = spec({ requests: { cpu: '250m', memory: '512Mi' }, limits: { cpu: '500m' } });
  assert.deepEqual(containerResources(burstable.containers[0] as Container, burstable, 1024 ** 3), {
    cpuShares: 256,
    cpuPeriod: 100_000,
    cpuQuota: 50_000,
    oomScoreAdj: 500,
  });
});

test('a pod asks for its containers together, or for its largest init container', () => {
  const one = (cpu: string, restartPolicy?: string): Container => ({
    name: cpu,
    resources: { requests: { cpu } },
    ...(restartPolicy ? { restartPolicy } : {}),
  });
  assert.equal(podRequests({ containers: [one('100m'), one('200m')], initContainers: [one('250m')] }).cpuMillis, 300);
  assert.equal(podRequests({ containers: [one('100m')], initContainers: [one('50m', 'Always'), one('250m')] }).cpuMillis, 300);
  assert.deepEqual(podLimits({ containers: [{ name: 'a', resources: { limits: { cpu: '1' } } }, { name: 'b' }] }), {});
});

test('a pod that does not fit is refused in the words of kubelet', () => {
  const facts = {
    others: [],
    allocatable: { cpuMillis: 500, memoryBytes: 1024 ** 3 },
    maxPods: 1,
    nodeLabels: { disk: 'fast' },
    nodeName: 'n1',
  };
  const asking = (cpu: string): Stored<Pod> => makePod({ containers: [{ name: 'c', resources: { requests: { cpu } } }] });
  assert.equal(admitPod(asking('500m'), facts), undefined);
  assert.equal(admitPod(asking('600m'), facts)?.reason, 'OutOfcpu');
  assert.equal(admitPod(asking('1m'), { ...facts, others: [makePod()] })?.reason, 'OutOfpods');
  assert.equal(admitPod(makePod({ nodeSelector: { disk: 'slow' } }), facts)?.reason, 'NodeAffinity');
  assert.equal(
    admitPod(makePod({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }), facts)?.reason,
    'SysctlForbidden',
  );
  assert.equal(admitPod(makePod({ os: { name: 'windows' } }), facts)?.reason, 'PodOSNotSupported');
  assert.equal(
    admitPod(makePod({ securityContext: { supplementalGroupsPolicy: 'Strict' } }), facts)?.reason,
    'SupplementalGroupsPolicyNotSupported',
  );
});

test('the resolver of a pod: cluster first, its own settings over it, or nothing but them', () => {
  const settings = { clusterDns: '10.96.0.10', clusterDomain: 'cluster.local', resolvConf: '/dev/null' };
  assert.deepEqual(dnsOf(makePod({ dnsConfig: { options: [{ name: 'ndots', value: '2' }], nameservers: ['1.1.1.1'] } }), settings), {
    servers: ['10.96.0.10', '1.1.1.1'],
    searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
    options: ['ndots:2'],
  });
  assert.deepEqual(dnsOf(makePod({ dnsPolicy: 'None', dnsConfig: { searches: ['x'] } }), settings), {
    servers: [],
    searches: ['x'],
    options: [],
  });
  assert.equal(
    hostnameOf(makePod({ hostname: 'h', subdomain: 's', setHostnameAsFQDN: true }), 'cluster.local'),
    'h.s.shop.svc.cluster.local',
  );
});

test('a status is written as what has changed: vanished words become null, addresses that went are deleted', () => {
  assert.equal(statusPatch({ phase: 'Running' }, { phase: 'Running' }), undefined);
  assert.deepEqual(
    statusPatch(
      {
        conditions: [
          { type: 'Ready', status: 'False', reason: 'X', message: 'm' },
          { type: 'Mine', status: 'True' },
        ],
        podIPs: [{ ip: '10.0.0.1' }],
        reason: 'Old',
      },
      { conditions: [{ type: 'Ready', status: 'True' }], podIPs: [{ ip: '10.0.0.2' }] },
    ),
    {
      conditions: [{ type: 'Ready', status: 'True', reason: null, message: null }],
      podIPs: [{ ip: '10.0.0.2' }, { $patch: 'delete', ip: '10.0.0.1' }],
      reason: null,
    },
  );
});

test('the hosts file of a pod names it, by its full name where it has one', async () => {
  const options = { ips: ['10.1.0.5'], clusterDomain: 'cluster.local' };
  const last = async (spec: Partial<PodSpec>): Promise<string> =>
    (await hostsFile(makePod(spec), options)).trimEnd().split('\n').at(-1) ?? '';
  assert.equal(await last({}), '10.1.0.5\tweb');
  assert.equal(await last({ hostname: 'a', subdomain: 's' }), '10.1.0.5\ta.s.shop.svc.cluster.local\ta');
  assert.equal(await last({ hostnameOverride: 'db', subdomain: 's' }), '10.1.0.5\tdb');
  assert.equal(await last({ hostAliases: [{ ip: '1.2.3.4', hostnames: ['x', 'y'] }] }), '1.2.3.4\tx\ty');
});
