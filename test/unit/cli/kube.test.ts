import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invalid, invalidObject, required } from '../../../src/api/meta/field-error.ts';
import { notFound, StatusError } from '../../../src/api/meta/status.ts';
import { SCHEME } from '../../../src/api/scheme.ts';
import { SlipwayError } from '../../../src/base/errors/slipway-error.ts';
import { CommandError, SeveralErrors, UsageError } from '../../../src/cli/errors.ts';
import { BUILTIN_RESOURCES } from '../../../src/cli/kube/builtin-resources.ts';
import { parsePortPairs, servicePortToPod } from '../../../src/cli/kube/forwarded-ports.ts';
import { imageBaseName } from '../../../src/cli/kube/generators.ts';
import { parseChanges, splitTargetsAndChanges } from '../../../src/cli/kube/key-value.ts';
import { mergeSchemaOf } from '../../../src/cli/kube/merge-schema.ts';
import { rolloutState } from '../../../src/cli/kube/rollout-status.ts';
import { threeWayPatch } from '../../../src/cli/kube/three-way.ts';
import { viewOfError } from '../../../src/cli/print-error.ts';

test('the table of built-in resources agrees with the scheme', () => {
  for (const [plural, kind, group, version, namespaced, shortNames] of BUILTIN_RESOURCES) {
    const found = SCHEME.byResource(group, version, plural);
    assert.ok(found, `${plural}.${group} is not in the scheme`);
    assert.equal(found.kind, kind);
    assert.equal(found.namespaced, namespaced, plural);
    assert.equal(found.shortNames.join(','), shortNames, plural);
  }
});

const PLURALS = { pods: { group: '', plural: 'pods' } };

test("errors of the server are printed in kubectl's words", () => {
  assert.equal(viewOfError(notFound(PLURALS.pods, 'x'), 'get').text, 'Error from server (NotFound): pods "x" not found\n');
  const one = invalidObject({ group: '', kind: 'Pod' }, 'x', [required('spec.containers')]);
  assert.equal(viewOfError(one, 'apply').text, 'The Pod "x" is invalid: spec.containers: Required value\n');
  const two = invalidObject({ group: 'apps', kind: 'Deployment' }, 'x', [
    required('spec.selector'),
    invalid('spec.replicas', -1, 'must be positive'),
  ]);
  assert.equal(
    viewOfError(two, 'apply').text,
    'The Deployment "x" is invalid: \n* spec.selector: Required value\n* spec.replicas: Invalid value: -1: must be positive\n',
  );
  const unauthorized = new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Unauthorized',
    reason: 'Unauthorized',
    code: 401,
  });
  assert.equal(viewOfError(unauthorized, 'get').text, 'error: You must be logged in to the server (Unauthorized)\n');
});

test('exit codes: 2 for usage, 1 for errors, 130 when interrupted', () => {
  assert.equal(viewOfError(new UsageError('x'), 'get').exitCode, 2);
  assert.equal(viewOfError(new CommandError('x'), 'get').exitCode, 1);
  assert.equal(viewOfError(new SlipwayError('DRIVER_UNKNOWN', { tried: 'x' }), 'up').exitCode, 2);
  assert.equal(viewOfError(new SlipwayError('INTERRUPTED', { tried: 'x' }), 'up').exitCode, 130);
  assert.equal(viewOfError(new SeveralErrors([new CommandError('a'), new CommandError('b')]), 'get').text, 'error: a\nerror: b\n');
});

test('an error of the catalogue says what was tried, why, what to type and where to read on', () => {
  const { text } = viewOfError(
    new SlipwayError('CLUSTER_UNKNOWN', { tried: 'find x', cause: 'there is none', advice: ['slipway up'], logLines: ['last'] }),
    'status',
  );
  for (const part of [
    'CLUSTER_UNKNOWN',
    'cannot find x',
    'because: there is none',
    '| last',
    'try: slipway up',
    'errors.md#cluster_unknown',
  ])
    assert.ok(text.includes(part), part);
});

const DEPLOYMENT = mergeSchemaOf('apps', 'v1', 'Deployment');
const deployment = (containers: object[], replicas = 1) => ({ spec: { replicas, template: { spec: { containers } } } });

test('apply changes, adds and removes list items by their key, and leaves the rest alone', () => {
  const original = deployment([
    { name: 'a', image: '1', env: [{ name: 'X', value: '1' }] },
    { name: 'b', image: '1' },
  ]);
  const modified = deployment([
    { name: 'a', image: '2' },
    { name: 'c', image: '1' },
  ]);
  const current = deployment(
    [
      { name: 'a', image: '1', env: [{ name: 'X', value: '1' }], imagePullPolicy: 'Always' },
      { name: 'b', image: '1' },
      { name: 'injected' },
    ],
    7,
  );
  const patch = threeWayPatch(original, { spec: { template: modified.spec.template } }, current, DEPLOYMENT) as any;
  assert.equal(patch.spec.replicas, null, 'what was applied and is no longer named goes');
  assert.deepEqual(patch.spec.template.spec.containers, [
    { name: 'a', env: null, image: '2' },
    { name: 'c', image: '1' },
    { name: 'b', $patch: 'delete' },
  ]);
});

test('apply of the same again is no change', () => {
  const object = deployment([{ name: 'a', image: '1' }]);
  assert.equal(
    threeWayPatch(object, object, deployment([{ name: 'a', image: '1', imagePullPolicy: 'Always' } as object]), DEPLOYMENT),
    undefined,
  );
});

test('lists of kinds without a schema are replaced whole', () => {
  assert.deepEqual(threeWayPatch({}, { spec: { list: [2] } }, { spec: { list: [1], other: 1 } }, undefined), { spec: { list: [2] } });
});

test('changes of labels are told from names', () => {
  assert.deepEqual(splitTargetsAndChanges(['pod', 'web', 'a=b', 'c-']), { targets: ['pod', 'web'], changes: ['a=b', 'c-'] });
  assert.deepEqual(parseChanges(['a=b=c', 'd-'], 'label'), { set: { a: 'b=c' }, remove: ['d'] });
  assert.throws(() => parseChanges(['a=b', 'a-'], 'label'), UsageError);
  assert.throws(() => parseChanges(['=x'], 'label'), UsageError);
});

test('forwarded ports: both, one, a free one, and names', () => {
  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }] } };
  const service = { metadata: { name: 's' }, spec: { ports: [{ name: 'web', port: 80, targetPort: 'http' }] } };
  const ofPod = (port: string): number => servicePortToPod(port, undefined, pod);
  assert.deepEqual(parsePortPairs(['9090:8080', '8080', ':http'], ofPod), [
    { local: 9090, remote: 8080 },
    { local: 8080, remote: 8080 },
    { local: 0, remote: 8080 },
  ]);
  assert.deepEqual(
    parsePortPairs(['8000:80', '80'], (port) => servicePortToPod(port, service, pod)),
    [
      { local: 8000, remote: 8080 },
      { local: 80, remote: 8080 },
    ],
  );
  for (const wrong of ['', '1:2:3', '99999', 'x:80', '80:']) assert.throws(() => parsePortPairs([wrong], ofPod), CommandError, wrong);
});

test('container names come from images', () => {
  assert.equal(imageBaseName('registry:5000/shop/web_app:1.2@sha256:abc'), 'web-app');
});

const rollout = (status: object, generation = 2) =>
  rolloutState({
    kind: 'Deployment',
    metadata: { name: 'web', generation },
    spec: { replicas: 3 },
    status: { observedGeneration: 2, ...status },
  });

test("rollouts are told in kubectl's words", () => {
  assert.match(rollout({}, 3)?.message ?? '', /spec update to be observed/);
  assert.match(rollout({ replicas: 3, updatedReplicas: 1 })?.message ?? '', /1 out of 3 new replicas have been updated/);
  assert.match(rollout({ replicas: 4, updatedReplicas: 3 })?.message ?? '', /1 old replicas are pending termination/);
  assert.match(rollout({ replicas: 3, updatedReplicas: 3, availableReplicas: 2 })?.message ?? '', /2 of 3 updated replicas are available/);
  assert.equal(rollout({ replicas: 3, updatedReplicas: 3, availableReplicas: 3 })?.done, true);
  assert.equal(rollout({ conditions: [{ type: 'Progressing', reason: 'ProgressDeadlineExceeded' }] })?.failed, true);
  assert.equal(rolloutState({ kind: 'Pod', metadata: {} }), undefined);
});
