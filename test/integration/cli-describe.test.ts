/** `slipway describe` beside `kubectl describe`, of the same objects on one API server: what they print is the same. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';
import { findKubectl } from '../support/kubectl.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const kubectl = findKubectl();
const skip = 'missing' in kubectl ? kubectl.missing : false;

let api: TestApiServer;

const run = (program: readonly string[], args: readonly string[], input = ''): Promise<string> =>
  new Promise((resolve, reject) => {
    const [file = '', ...first] = program;
    const env = { ...process.env, KUBECONFIG: api.kubeconfig, NO_COLOR: '1' };
    const child = execFile(file, [...first, ...args], { env, timeout: 60_000, maxBuffer: 1e7 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${args.join(' ')}: ${stderr}${stdout}`)) : resolve(stdout),
    );
    child.stdin?.end(input);
  });
const stock = 'path' in kubectl ? [kubectl.path] : [];
const own = [process.execPath, join(root, 'dist/slipway.js')];

const CONTAINER = `
      - name: web
        image: web:1
        command: [sh, -c]
        args: ["echo one\\necho two"]
        ports: [{containerPort: 8080, name: http}, {containerPort: 9090, hostPort: 19090, protocol: UDP}]
        env:
        - {name: PLAIN, value: "a\\nb"}
        - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
        - {name: MEMORY, valueFrom: {resourceFieldRef: {resource: requests.memory, divisor: 1Mi}}}
        - {name: SECRET, valueFrom: {secretKeyRef: {name: keys, key: one}}}
        - {name: SETTING, valueFrom: {configMapKeyRef: {name: settings, key: one, optional: true}}}
        envFrom: [{configMapRef: {name: settings}}, {prefix: S_, secretRef: {name: keys, optional: true}}]
        resources: {limits: {memory: 128Mi}, requests: {cpu: 250m, memory: 64Mi}}
        livenessProbe: {httpGet: {path: /healthz, port: http}, initialDelaySeconds: 3}
        readinessProbe: {exec: {command: [cat, /tmp/ready]}}
        startupProbe: {tcpSocket: {port: 8080}}
        securityContext: {seccompProfile: {type: RuntimeDefault}}
        volumeMounts: [{name: data, mountPath: /data}, {name: conf, mountPath: /conf, readOnly: true, subPath: app}]`;
const POD_SPEC = `
      nodeSelector: {disk: ssd, zone: a}
      tolerations: [{operator: Exists}, {key: for, operator: Equal, value: us, effect: NoExecute, tolerationSeconds: 30}]
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}
      - {maxSkew: 2, topologyKey: host, whenUnsatisfiable: ScheduleAnyway}
      initContainers:
      - {name: first, image: init:1, restartPolicy: Always, resources: {requests: {cpu: 100m}}}
      containers:${CONTAINER}
      - {name: other, image: other:1}
      volumes:
      - {name: data, persistentVolumeClaim: {claimName: claim}}
      - {name: conf, configMap: {name: settings}}
      - {name: sec, secret: {secretName: keys, optional: true}}
      - {name: empty, emptyDir: {medium: Memory, sizeLimit: 16Mi}}
      - {name: host, hostPath: {path: /var/log, type: Directory}}
      - {name: down, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
      - {name: all, projected: {sources: [{secret: {name: keys}}, {configMap: {name: settings}}, {serviceAccountToken: {path: t}}]}}
      - {name: share, nfs: {server: 192.0.2.1, path: /x}}
      - name: own
        ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}`;
const TEMPLATE = `
    metadata: {labels: {app: web, tier: front}, annotations: {note: short}}
    spec:${POD_SPEC}`;

const MANIFEST = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {a: b, c: d}, annotations: {long: "${'x'.repeat(150)}", lines: "one\\ntwo", z: last}}
data: {one: "1", file: "line 1\\nline 2\\n"}
binaryData: {raw: AAECAw==}
---
{apiVersion: v1, kind: Secret, metadata: {name: keys}, type: Opaque, data: {one: b25l, two: dHdv}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: claim}, spec: {accessModes: [ReadWriteOnce, ReadWriteMany], resources: {requests: {storage: 1Gi}}, storageClassName: slow, volumeName: volume}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: volume, labels: {kind: local}}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce, ReadWriteMany]
  storageClassName: slow
  local: {path: /mnt/disk}
  claimRef: {namespace: default, name: claim}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a, b]}, {key: disk, operator: Exists}]}]}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {node-role.kubernetes.io/control-plane: "", zone: a}, annotations: {a: b}}
spec: {podCIDR: 10.1.0.0/24, podCIDRs: [10.1.0.0/24], taints: [{key: b, effect: NoSchedule}, {key: a, value: x, effect: NoExecute}]}
---
{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: n1, namespace: kube-node-lease}, spec: {holderIdentity: n1, renewTime: "2026-01-02T03:04:05.000000Z"}}
---
apiVersion: v1
kind: Pod
metadata: {name: pod, labels: {app: single}}
spec:
      nodeName: n1${POD_SPEC}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, annotations: {kubernetes.io/change-cause: first}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [front, back]}]}
  template:${TEMPLATE}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  updateStrategy: {rollingUpdate: {partition: 1}}
  selector: {matchLabels: {app: web}}
  template:${TEMPLATE}
  volumeClaimTemplates:
  - {metadata: {name: data, labels: {x: why}}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: every}
spec:
  selector: {matchLabels: {app: web}}
  template:${TEMPLATE}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: set}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:${TEMPLATE}
---
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec:
  completions: 3
  completionMode: Indexed
  activeDeadlineSeconds: 100
  template: {metadata: {labels: {of: job}}, spec: {restartPolicy: Never, containers: [{name: work, image: work:1}]}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cron}
spec:
  schedule: "*/5 * * * *"
  timeZone: Europe/Vienna
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: work, image: work:1}]}}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web, tier: front}
  externalTrafficPolicy: Local
  ports: [{name: http, port: 80, targetPort: http}, {name: dns, port: 53, protocol: UDP}]
---
{apiVersion: v1, kind: Service, metadata: {name: none}, spec: {clusterIP: None, ports: [{port: 80}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
- {addresses: [10.1.0.1]}
- {addresses: [10.1.0.2], conditions: {ready: false}}
- {addresses: [10.1.0.3]}
- {addresses: [10.1.0.4]}
- {addresses: [10.1.0.5]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front, annotations: {a: b}}
spec:
  ingressClassName: haproxy
  tls: [{hosts: [a.example, b.example], secretName: keys}, {hosts: [c.example]}]
  rules:
  - host: a.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}, {path: /x, pathType: Exact, backend: {service: {name: absent, port: {number: 80}}}}]}
  - http: {paths: [{path: /y, pathType: Prefix, backend: {resource: {apiGroup: v.example, kind: Bucket, name: b}}}]}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: bare}, spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}}
---
{apiVersion: v1, kind: ResourceQuota, metadata: {name: quota, namespace: kube-public}, spec: {hard: {pods: "4"}}}
---
{apiVersion: v1, kind: LimitRange, metadata: {name: limits, namespace: kube-public}, spec: {limits: [{type: Container, default: {cpu: 500m}, max: {cpu: "1"}}]}}
---
{apiVersion: v1, kind: Event, metadata: {name: one}, involvedObject: {kind: Pod, name: pod, namespace: default, fieldPath: "spec.containers{web}"}, reason: Pulled, message: " done ", type: Normal, count: 3, firstTimestamp: "2026-01-01T00:00:00Z", lastTimestamp: "2026-01-01T01:00:00Z", source: {component: kubelet}}
---
{apiVersion: v1, kind: Event, metadata: {name: two}, involvedObject: {kind: Pod, name: pod, namespace: default}, reason: Late, message: later, type: Warning, eventTime: "2026-01-02T00:00:00.000000Z", reportingComponent: x/y, reportingInstance: z, action: Do}
---
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: slow}, provisioner: x.example/y}
---
{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.things.example}, spec: {group: things.example, version: v1, groupPriorityMinimum: 100, versionPriority: 10, service: {name: things, namespace: default}}}
`;

const TIMES = '"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:10:00Z"';
const STATUSES: readonly (readonly [target: string, status: string])[] = [
  [
    'pod/pod',
    `{"phase": "Running", "podIP": "10.1.0.9", "podIPs": [{"ip": "10.1.0.9"}], "hostIP": "192.0.2.7", "startTime": "2026-01-01T00:00:00Z",
      "conditions": [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "False"}],
      "initContainerStatuses": [{"name": "first", "image": "init:1", "imageID": "sha256:1", "containerID": "containerd://1", "ready": true, "restartCount": 0, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
      "containerStatuses": [
        {"name": "web", "image": "web:1", "imageID": "sha256:2", "containerID": "containerd://2", "ready": false, "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "x"}}, "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "boom", ${TIMES}}}},
        {"name": "other", "image": "other:1", "imageID": "sha256:3", "ready": false, "restartCount": 0, "state": {"terminated": {"exitCode": 137, "signal": 9, "reason": "OOMKilled", ${TIMES}}}}]}`,
  ],
  [
    'node/n1',
    `{"capacity": {"cpu": "2", "memory": "4Gi", "pods": "110", "ephemeral-storage": "10Gi", "x.example/gpu": "1"}, "allocatable": {"cpu": "1900m", "memory": "3Gi", "pods": "110", "ephemeral-storage": "10Gi", "hugepages-2Mi": "0", "x.example/gpu": "1"},
      "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "is ready", "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
      "addresses": [{"type": "InternalIP", "address": "192.0.2.7"}, {"type": "Hostname", "address": "n1"}],
      "nodeInfo": {"machineID": "m", "systemUUID": "s", "bootID": "b", "kernelVersion": "6", "osImage": "Debian", "operatingSystem": "linux", "architecture": "amd64", "containerRuntimeVersion": "containerd://1", "kubeletVersion": "v1.36.3", "kubeProxyVersion": ""}}`,
  ],
  [
    'deployment/web',
    '{"replicas": 3, "updatedReplicas": 3, "availableReplicas": 2, "unavailableReplicas": 1, "conditions": [{"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}]}',
  ],
  ['pvc/claim', '{"phase": "Bound", "accessModes": ["ReadWriteOnce", "ReadWriteMany"], "capacity": {"storage": "1Gi"}}'],
  ['pv/volume', '{"phase": "Bound"}'],
  ['job/job', '{"active": 1, "ready": 1, "succeeded": 2, "failed": 0, "completedIndexes": "0,2", "startTime": "2026-01-01T00:00:00Z"}'],
  ['resourcequota/quota -n kube-public', '{"hard": {"pods": "4"}, "used": {"pods": "1"}}'],
];

before(async () => {
  execFileSync(process.execPath, [join(root, 'bin/build.js')], { stdio: 'inherit' });
  api = await startApiServer();
  if (skip) return;
  for (const namespace of ['kube-node-lease', 'kube-public']) await run(stock, ['create', 'namespace', namespace]).catch(() => {}); // The server may have made it already.
  await run(stock, ['apply', '-f', '-'], MANIFEST);
  for (const [target, status] of STATUSES)
    await run(stock, ['patch', ...target.split(' '), '--subresource=status', '--type=merge', '-p', `{"status": ${status}}`]);
});
after(() => api?.stop());

/** Ages go on between the two programs; kubectl indents the values of claims inside volumes twice. */
const comparable = (text: string): string => text.replace(/\b\d+s\b/g, 'Ns').replace(/^( {4}(?:Labels|Annotations):) +/gm, '$1  ');

for (const target of [
  'pod pod',
  'node n1',
  'deployment web',
  'replicaset set',
  'statefulset db',
  'daemonset every',
  'job job',
  'cronjob cron',
  'service web',
  'service none',
  'ingress front',
  'ingress bare',
  'configmap settings',
  'secret keys',
  'pvc claim',
  'pv volume',
  'namespace kube-public',
  'apiservice v1.things.example',
])
  test(`describe ${target} is what kubectl says`, { skip }, async () => {
    const words = ['describe', ...target.split(' ')];
    const [expected, actual] = await Promise.all([run(stock, words), run(own, words)]);
    assert.equal(comparable(actual), comparable(expected));
  });
