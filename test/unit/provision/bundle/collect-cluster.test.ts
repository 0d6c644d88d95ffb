/** What of a cluster file comes into a bundle: the file, its manifests where it names them, and the images that these run. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { collectCluster } from '../../../../src/provision/bundle/collect-cluster.ts';
import { namedImages } from '../../../../src/provision/bundle/named-images.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-collect-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const put = (path: string, text: string): string => {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
};
const pod = (image: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: "${image}"}]}\n`;
const clusterFile = (manifests: readonly string[], more = ''): string =>
  `apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: lab}\nspec:\n  manifests: ${JSON.stringify(manifests)}\n${more}`;
const filesIn = (work: string): string[] =>
  readdirSync(work, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(work.length + 1))
    .sort();

test('the file and its manifests lie to each other as they did, folders and paths upwards too', async () => {
  put('shared/base.yaml', pod('registry.example/base:1'));
  put('lab/apps/one.yaml', pod('registry.example/one:1'));
  put('lab/apps/notes.txt', 'no manifest');
  const file = put('lab/cluster.yaml', clusterFile(['apps', '../shared/base.yaml']));
  const work = join(folder, 'work');
  const { path, images, warnings } = await collectCluster(work, file);
  assert.equal(path, 'cluster/lab/cluster.yaml');
  assert.deepEqual(filesIn(work), ['cluster/lab/apps/one.yaml', 'cluster/lab/cluster.yaml', 'cluster/shared/base.yaml']);
  assert.deepEqual(
    images.map(({ reference }) => reference),
    ['registry.example/base:1', 'registry.example/one:1'],
  );
  assert.deepEqual(warnings, []);
});

test('what a bundle cannot help with is told', async () => {
  put('far/web.yaml', pod('web'));
  const file = put('far/cluster.yaml', clusterFile(['web.yaml'], '  drivers: {kvm: {image: "https://images.example/debian.qcow2"}}\n'));
  const { warnings, path } = await collectCluster(join(folder, 'far-work'), file);
  assert.equal(path, 'cluster/cluster.yaml');
  assert.match(
    warnings.join('\n'),
    /^web is asked of its registry at every start.*\nhttps:\/\/images\.example\/debian\.qcow2 is not in the bundle/,
  );
});

test('a manifest that is not there is named', async () => {
  const file = put('none/cluster.yaml', clusterFile(['gone.yaml']));
  await assert.rejects(collectCluster(join(folder, 'none-work'), file), /gone\.yaml/);
});

test('images are found wherever a pod is described, and nowhere else', () => {
  const container = (image: string, more: object = {}) => ({ name: 'c', image, ...more });
  const rows: [what: string, object: unknown, images: string[]][] = [
    [
      'a CronJob with an init container',
      { spec: { jobTemplate: { spec: { template: { spec: { initContainers: [container('a:1')], containers: [container('b:1')] } } } } } },
      ['a:1', 'b:1'],
    ],
    [
      'a list',
      { kind: 'List', items: [{ spec: { containers: [container('a:1')] } }, { spec: { containers: [container('a:1')] } }] },
      ['a:1'],
    ],
    ['a volume of an image', { spec: { containers: [], volumes: [{ name: 'v', image: { reference: 'data:2' } }] } }, ['data:2']],
    ['a kind of others', { spec: { podTemplate: { containers: [container('x@sha256:0')] } } }, ['x@sha256:0']],
    ['a schema that describes containers', { spec: { properties: { containers: { type: 'array', items: { image: 'no' } } } } }, []],
    ['data', { data: { image: 'no:1' } }, []],
  ];
  for (const [what, object, images] of rows)
    assert.deepEqual(
      namedImages([object]).map(({ reference }) => reference),
      images,
      what,
    );
  const policies: [image: string, policy: string | undefined, always: boolean][] = [
    ['web', undefined, true],
    ['host:5000/web', undefined, true],
    ['web:latest', undefined, true],
    ['web:latest', 'IfNotPresent', false],
    ['web:1', undefined, false],
    ['web:1', 'Always', true],
    ['web@sha256:0', undefined, false],
  ];
  for (const [image, imagePullPolicy, isAlwaysPulled] of policies)
    assert.deepEqual(
      namedImages([{ containers: [container(image, { imagePullPolicy })] }]),
      [{ reference: image, isAlwaysPulled }],
      `${image} ${imagePullPolicy}`,
    );
});
