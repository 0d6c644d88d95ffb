/** Admission policies: rules in CEL that refuse or change writes. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeObject } from '../../src/api/meta/object.ts';
import { StatusError } from '../../src/api/meta/status.ts';
import type { ApiRequest, Transport } from '../../src/api/transport.ts';
import { startApiServer, type TestApiServer } from '../support/api-server.ts';

let api: TestApiServer;
let admin: Transport;
const GROUP = '/apis/admissionregistration.k8s.io/v1';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const CONFIGMAPS = '/api/v1/namespaces/default/configmaps';

const send = async (request: ApiRequest): Promise<KubeObject> => (await admin.send(request)).body as KubeObject;
const refused = async (promise: Promise<unknown>): Promise<StatusError> => {
  const error = await promise.then(
    () => assert.fail('was allowed'),
    (one: unknown) => one,
  );
  assert.ok(error instanceof StatusError, String(error));
  return error;
};
const makeDeployment = (name: string, replicas: number): Promise<KubeObject> => {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const body = {
    kind: 'Deployment',
    apiVersion: 'apps/v1',
    metadata: { name },
    spec: { replicas, selector: { matchLabels: labels }, template },
  };
  return send({ method: 'POST', path: DEPLOYMENTS, body });
};

/** Makes a policy about deployments with its binding; answers with what removes both. */
const bind = async (
  type: 'Validating' | 'Mutating',
  spec: object,
  binding: object = type === 'Validating' ? { validationActions: ['Deny'] } : {},
): Promise<() => Promise<void>> => {
  const kind = `${type}AdmissionPolicy`;
  const path = `${GROUP}/${type.toLowerCase()}admissionpolic`;
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const rule = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] };
  const body = { kind, apiVersion, metadata: { name: 'test' }, spec: { matchConstraints: { resourceRules: [rule] }, ...spec } };
  await send({ method: 'POST', path: `${path}ies`, body });
  const bound = { kind: `${kind}Binding`, apiVersion, metadata: { name: 'bound' }, spec: { policyName: 'test', ...binding } };
  await send({ method: 'POST', path: `${path}ybindings`, body: bound });
  return async () => {
    await send({ method: 'DELETE', path: `${path}ies/test` });
    await send({ method: 'DELETE', path: `${path}ybindings/bound` });
  };
};

before(async () => {
  api = await startApiServer({ log: 'silent' });
  admin = api.server.localTransport({ name: 'admin', groups: ['system:masters'] });
});
after(() => api.stop());

test('a write that breaks a rule is refused with the message of the rule', async () => {
  const remove = await bind('Validating', {
    variables: [
      { name: 'replicas', expression: 'object.spec.replicas' },
      { name: 'odd', expression: 'variables.replicas % 2 == 1' },
    ],
    validations: [
      { expression: 'variables.replicas > 1', messageExpression: "'wants more than one, got ' + string(variables.replicas)" },
      { expression: 'variables.odd', message: 'must be odd', reason: 'Forbidden' },
      { expression: "namespaceObject.metadata.name == 'default'" },
    ],
  });
  const few = await refused(makeDeployment('few', 1));
  assert.equal(
    few.message,
    `deployments.apps "few" is forbidden: ValidatingAdmissionPolicy 'test' with binding 'bound' denied request: wants more than one, got 1`,
  );
  assert.deepEqual([few.status.code, few.reason], [422, 'Invalid']);
  const even = await refused(makeDeployment('even', 2));
  assert.match(even.message, /must be odd$/);
  assert.deepEqual([even.status.code, even.reason], [403, 'Forbidden']);
  await makeDeployment('right', 3);
  await remove();
  await makeDeployment('few', 1);
});

test('a rule that cannot be evaluated refuses, unless the policy fails open', async () => {
  const validations = [{ expression: 'object.spec.nothing == 1' }];
  const remove = await bind('Validating', { validations });
  assert.match(
    (await refused(makeDeployment('none', 1))).message,
    /expression 'object\.spec\.nothing == 1' resulted in error: no such key: nothing/,
  );
  await remove();
  const removeOpen = await bind('Validating', { validations, failurePolicy: 'Ignore' });
  await makeDeployment('none', 1);
  await removeOpen();
});

test('rules compare with parameters', async () => {
  await send({
    method: 'POST',
    path: CONFIGMAPS,
    body: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'limits' }, data: { most: '2' } },
  });
  const remove = await bind(
    'Validating',
    { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, validations: [{ expression: 'object.spec.replicas <= int(params.data.most)' }] },
    { validationActions: ['Deny'], paramRef: { name: 'limits', namespace: 'default', parameterNotFoundAction: 'Deny' } },
  );
  assert.match(
    (await refused(makeDeployment('many', 3))).message,
    /failed expression: object\.spec\.replicas <= int\(params\.data\.most\)$/,
  );
  await makeDeployment('fewer', 2);
  await remove();
});

test('a mutating policy merges what it applies and patches', async () => {
  const remove = await bind('Mutating', {
    reinvocationPolicy: 'Never',
    mutations: [
      {
        patchType: 'ApplyConfiguration',
        applyConfiguration: {
          expression: 'Object{metadata: Object.metadata{annotations: {"by": "policy"}}, spec: Object.spec{replicas: 7}}',
        },
      },
      {
        patchType: 'JSONPatch',
        jsonPatch: { expression: '[JSONPatch{op: "add", path: "/metadata/labels", value: {"replicas": string(object.spec.replicas)}}]' },
      },
    ],
  });
  const made = await makeDeployment('mutated', 1);
  assert.deepEqual(made.metadata.annotations, { by: 'policy' });
  assert.deepEqual(made.metadata.labels, { replicas: '7' });
  const spec = made['spec'] as { replicas: number; template: { spec: { containers: { image: string }[] } } };
  assert.deepEqual([spec.replicas, spec.template.spec.containers[0]?.image], [7, 'i']);
  await remove();
});

test('a policy whose expression does not compile is refused', async () => {
  const error = await refused(bind('Validating', { validations: [{ expression: 'object.spec.' }] }));
  assert.match(error.message, /spec\.validations\[0\]\.expression: Invalid value: .*compilation failed/);
});
