/** What of a cluster file comes into a bundle: the file, its manifests where it names them, and the images that these run. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

test('an absolute path is right on the other side too, and all else of the file is as it was', async () => {
  const shared = put('wide/shared/base.yaml', pod('registry.example/base:1'));
  const inside = put('wide/lab/apps/one.yaml', pod('registry.example/one:1'));
  const text = (base: string, apps: string): string =>
    `apiVersion: slipway/v1\nkind: Cluster\nmetadata: {name: lab}\nspec:\n  manifests: # in this order\n    - ${base} # first\n    - ${apps}\n    - apps/one.yaml\n`;
  const file = put('wide/lab/cluster.yaml', text(`'${shared}'`, join(inside, '..')));
  const work = join(folder, 'wide-work');
  const { path, warnings } = await collectCluster(work, file);
  assert.deepEqual(filesIn(work), ['cluster/lab/apps/one.yaml', 'cluster/lab/cluster.yaml', 'cluster/shared/base.yaml']);
  assert.equal(readFileSync(join(work, path), 'utf8'), text('"../shared/base.yaml"', '"apps"'));
  assert.deepEqual(warnings, []);
});

test('an absolute path behind an alias is written out; one in a list that is an alias stays, with a warning', async () => {
  const web = put('alias/web.yaml', pod('registry.example/web:1'));
  const file = put('alias/cluster.yaml', clusterFile([]).replace('[]', `[&web "${web}", *web]`));
  const one = await collectCluster(join(folder, 'alias-work'), file);
  assert.match(readFileSync(join(folder, 'alias-work', one.path), 'utf8'), /\[&web "web\.yaml", "web\.yaml"\]/);
  assert.deepEqual(one.warnings, []);
  const list = put('alias/list.yaml', clusterFile([]).replace('  manifests: []', `  hooks: {afterUp: &all ["${web}"]}\n  manifests: *all`));
  const other = await collectCluster(join(folder, 'list-work'), list);
  assert.deepEqual(other.warnings, [
    `${web} is in the bundle, and the file still names it by where it lies here: name it by a relative path`,
  ]);
});

test('manifests that a beforeUp hook makes are passed over, with a warning', async () => {
  put('hook/there.yaml', pod('registry.example/web:1'));
  const gone = join(folder, 'hook/made/later.yaml');
  const file = put('hook/cluster.yaml', clusterFile(['there.yaml', gone], '  hooks: {beforeUp: ["make manifests"]}\n'));
  const work = join(folder, 'hook-work');
  const { images, path, warnings } = await collectCluster(work, file);
  assert.deepEqual(filesIn(work), ['cluster/cluster.yaml', 'cluster/there.yaml']);
  assert.match(readFileSync(join(work, path), 'utf8'), new RegExp(gone));
  assert.equal(images.length, 1);
  assert.deepEqual(warnings, [
    `${gone} is not there yet, and not in the bundle: its images neither; a hook has to make it where the bundle is used`,
  ]);
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
