import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lease } from '../../../src/api/coordination/lease.ts';
import { pod } from '../../../src/api/core/pod.ts';
import { secret } from '../../../src/api/core/secret.ts';
import { decodeObject, parseBody } from '../../../src/api/decode.ts';
import { fieldProblems } from '../../../src/api/meta/json-scan.ts';
import { StatusError } from '../../../src/api/meta/status.ts';
import { duplicateYamlKeys } from '../../../src/api/meta/yaml.ts';
import { role } from '../../../src/api/rbac/role.ts';

const podWith = (spec: Record<string, unknown>, rest: Record<string, unknown> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'x' },
  spec: { containers: [{ name: 'a', image: 'b' }], ...spec },
  ...rest,
});

const POD = 'Pod in version "v1" cannot be handled as a Pod: ';
const port = (value: unknown) => podWith({ containers: [{ name: 'a', ports: [{ containerPort: value }] }] });

/** Messages recorded from kube-apiserver 1.36.3. */
const REFUSED: [what: string, body: unknown, message: string][] = [
  [
    'a number for a string',
    podWith({ nodeName: 5 }),
    `${POD}json: cannot unmarshal number into Go struct field PodSpec.spec.nodeName of type string`,
  ],
  [
    'a string for a list',
    podWith({ containers: 'x' }),
    `${POD}json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container`,
  ],
  [
    'a string for a port',
    port('80'),
    `${POD}json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32`,
  ],
  [
    'a fraction',
    port(80.5),
    `${POD}json: cannot unmarshal number 80.5 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32`,
  ],
  [
    'too large a number',
    port(99999999999),
    `${POD}json: cannot unmarshal number 99999999999 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32`,
  ],
  [
    'a string for a boolean',
    podWith({ hostNetwork: 'yes' }),
    `${POD}json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool`,
  ],
  [
    'a list for a map',
    podWith({ nodeSelector: [] }),
    `${POD}json: cannot unmarshal array into Go struct field PodSpec.spec.nodeSelector of type map[string]string`,
  ],
  [
    'a number in a map of strings',
    podWith({ nodeSelector: { a: 1 } }),
    `${POD}json: cannot unmarshal number into Go struct field PodSpec.spec.nodeSelector of type string`,
  ],
  [
    'a number for an object',
    podWith({ securityContext: 5 }),
    `${POD}json: cannot unmarshal number into Go struct field PodSpec.spec.securityContext of type v1.PodSecurityContext`,
  ],
  [
    'a bad quantity',
    podWith({ containers: [{ name: 'a', resources: { limits: { cpu: 'abc' } } }] }),
    `${POD}quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
  ],
  [
    'an object for a port',
    podWith({ containers: [{ name: 'a', livenessProbe: { httpGet: { port: {} } } }] }),
    `${POD}json: cannot unmarshal object into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32`,
  ],
  [
    'a named string type',
    podWith({ containers: [{ name: 'a', ports: [{ containerPort: 80, protocol: 5 }] }] }),
    `${POD}json: cannot unmarshal number into Go struct field ContainerPort.spec.containers.ports.protocol of type v1.Protocol`,
  ],
  [
    'a bad time',
    podWith({}, { metadata: { creationTimestamp: 'x' } }),
    `${POD}parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"`,
  ],
  [
    'another kind',
    podWith({}, { kind: 'Foo' }),
    'Foo in version "v1" cannot be handled as a Pod: no kind "Foo" is registered for version "v1" in scheme "pkg/runtime/scheme.go:111"',
  ],
  [
    'an int64 beyond exact numbers',
    podWith({ terminationGracePeriodSeconds: 2 ** 63 }),
    `${POD}json: cannot unmarshal number 9223372036854775808 into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64`,
  ],
];

for (const [what, body, message] of REFUSED)
  test(`${what} is refused in Go's words`, () => {
    assert.throws(
      () => decodeObject(pod, body),
      (error) => error instanceof StatusError && error.code === 400 && error.message === message,
    );
  });

test('strict validation names unknown and duplicate fields, in order', () => {
  const text = '{"kind":"Pod","metadata":{"name":"x","name":"y"},"spec":{"containers":[{"name":"a","image":"b","image":"c","zzz":1}]}}';
  const wanted = 'duplicate field "metadata.name", duplicate field "spec.containers[0].image", unknown field "spec.containers[0].zzz"';
  assert.throws(
    () => decodeObject(pod, JSON.parse(text), { fieldValidation: 'Strict', text }),
    (error) => error instanceof StatusError && error.message === `${POD}strict decoding error: ${wanted}`,
  );
  const { object, warnings } = decodeObject(pod, JSON.parse(text), { fieldValidation: 'Warn', text });
  assert.deepEqual(warnings, wanted.split(', '));
  assert.equal(JSON.stringify(object).includes('zzz'), false);
  assert.deepEqual(decodeObject(pod, JSON.parse(text), { fieldValidation: 'Ignore', text }).warnings, []);
});

test('keys that only look alike are no duplicates', () => {
  const text = JSON.stringify(podWith({ nodeSelector: { 'a"b': 'c:{"a":1,"a":2}', a: '[' } }));
  assert.deepEqual(decodeObject(pod, JSON.parse(text), { fieldValidation: 'Strict', text }).warnings, []);
});

test('nulls and zero values are as Go has them', () => {
  const { object } = decodeObject(
    pod,
    podWith({ nodeName: '', tolerations: null, volumes: [], hostPID: false, shareProcessNamespace: false, nodeSelector: {} }),
  );
  const spec = object['spec'] as Record<string, unknown>;
  for (const field of ['nodeName', 'tolerations', 'volumes', 'hostPID', 'nodeSelector']) assert.equal(field in spec, false, field);
  assert.equal(spec['shareProcessNamespace'], false, 'a pointer keeps its false');
  assert.equal(decodeObject(role, { metadata: { name: 'x' } }).object['rules'], null);
  assert.deepEqual(decodeObject(secret, { data: { a: null } }).object['data'], { a: null });
});

test('the input is neither changed nor shared, and __proto__ is a key like any other', () => {
  const text =
    '{"kind":"Pod","metadata":{"name":"x","annotations":{"__proto__":"p"},"__proto__":{"polluted":1}},"__proto__":{"polluted":1}}';
  const raw = JSON.parse(text);
  Object.freeze(raw);
  Object.freeze(raw.metadata);
  const { object } = decodeObject(pod, raw);
  object.metadata.name = 'y';
  assert.equal(raw.metadata.name, 'x');
  assert.deepEqual(Object.keys(object.metadata.annotations ?? {}), ['__proto__']);
  assert.equal(Object.getPrototypeOf(object.metadata.annotations), Object.prototype);
  assert.equal('polluted' in object || 'polluted' in object.metadata, false);
});

test('free-form data that is nested too deeply is refused', () => {
  let deep: unknown = 1;
  for (let level = 0; level < 20_000; level++) deep = { a: deep };
  const revision = { group: 'apps', version: 'v1', kind: 'ControllerRevision', schema: 'apps/v1.ControllerRevision' };
  assert.throws(() => decodeObject(revision, { data: deep, revision: 1 }), /exceeded max depth/);
});

test('quantities, times and base64 take their canonical form', () => {
  const { object } = decodeObject(pod, podWith({ containers: [{ name: 'a', resources: { limits: { cpu: '1000m', memory: 1024 } } }] }));
  assert.deepEqual((object['spec'] as { containers: { resources: { limits: unknown } }[] }).containers[0]?.resources.limits, {
    cpu: '1',
    memory: '1024',
  });
  const dated = decodeObject(pod, { metadata: { creationTimestamp: '2024-05-01T12:00:00.5+02:00' } }).object;
  assert.equal(dated.metadata.creationTimestamp, '2024-05-01T10:00:00Z');
  assert.throws(() => decodeObject(secret, { data: { a: '!!!' } }), /illegal base64 data at input byte 0/);
  assert.throws(() => decodeObject(lease, { spec: { renewTime: 'x' } }), /as "2006-01-02T15:04:05.000000Z07:00"/);
});

test("a body that is no JSON is refused in Go's words", () => {
  const start = "the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: ";
  const message = (text: string): string => {
    try {
      parseBody(pod, text);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  assert.equal(message(''), `${start}unexpected end of JSON input (<empty>)`);
  assert.equal(message('{"a":}'), `${start}invalid character '}' looking for beginning of value ({"a":})`);
  assert.throws(() => decodeObject(pod, []), /cannot unmarshal array into Go value of type struct/);
});

test('unknown and duplicate fields are named in the order of the text', () =>
  assert.deepEqual(fieldProblems('{"a":{"x":1,"b":2,"b":3},"y":1}', ['y', 'a.x', 'elsewhere']), [
    'unknown field "a.x"',
    'duplicate field "a.b"',
    'unknown field "y"',
    'unknown field "elsewhere"',
  ]));

test('keys that stand twice in YAML are named with their line', () =>
  assert.deepEqual(duplicateYamlKeys('\na: 1\nspec:\n  foo: 1\n  foo: 2\na: 2\n'), [
    'line 6: key "a" already set in map',
    'line 5: key "foo" already set in map',
  ]));
