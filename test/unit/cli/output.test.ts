import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandError } from '../../../src/cli/errors.ts';
import { parseCustomColumns, renderCustomColumns } from '../../../src/cli/output/custom-columns.ts';
import { renderGoTemplate } from '../../../src/cli/output/go-template.ts';
import { compileJsonPath, findByPath } from '../../../src/cli/output/jsonpath.ts';
import { renderObject } from '../../../src/cli/output/render-object.ts';
import { sortByPath } from '../../../src/cli/output/sort-by.ts';
import { renderRows } from '../../../src/cli/output/text-table.ts';

const LIST = {
  kind: 'List',
  items: [
    {
      metadata: { name: 'a', labels: { 'app.kubernetes.io/name': 'x' } },
      status: { phase: 'Running', restarts: 3, conditions: [{ type: 'Ready', status: 'True' }] },
    },
    { metadata: { name: 'b' }, status: { phase: 'Pending', restarts: 0, conditions: [{ type: 'Ready', status: 'False' }] } },
  ],
};

// The expected texts are what kubectl prints for the same data.
const PATHS: [string, string][] = [
  ['{.items[*].metadata.name}', 'a b'],
  ['{.items[0].metadata.name}', 'a'],
  ['{.items[-1].metadata.name}', 'b'],
  ['{range .items[*]}{.metadata.name}{"\\t"}{.status.phase}{"\\n"}{end}', 'a\tRunning\nb\tPending\n'],
  ['{.items[?(@.status.phase=="Running")].metadata.name}', 'a'],
  ['{.items[?(@.status.restarts>1)].metadata.name}', 'a'],
  ['{.items[*].status.conditions[?(@.type=="Ready")].status}', 'True False'],
  ['{.items[0].metadata.labels.app\\.kubernetes\\.io/name}', 'x'],
  ['{..name}', 'a b'],
  ['{.items[0:1].metadata.name}', 'a'],
  ['{.items[0].status.conditions}', '[{"type":"Ready","status":"True"}]'],
  ['names: {.items[*].metadata.name}!', 'names: a b!'],
  ['{.nothing}', ''],
];

for (const [template, expected] of PATHS)
  test(`jsonpath ${template}`, () => {
    assert.equal(compileJsonPath(template)(LIST), expected);
  });

test('a jsonpath that cannot be read is refused', () => {
  assert.throws(() => compileJsonPath('{.items[0'), CommandError);
  assert.throws(() => compileJsonPath('{range .items[*]}x'), CommandError);
});

test('paths of flags may stand without braces and dots', () => {
  for (const path of ['{.kind}', '.kind', 'kind']) assert.deepEqual(findByPath(path, LIST), ['List']);
});

test('go templates range, test and print', () => {
  assert.equal(
    renderGoTemplate('{{range .items}}{{.metadata.name}}{{if eq .status.phase "Running"}}*{{else}}-{{end}} {{end}}', LIST),
    'a* b- ',
  );
  assert.equal(renderGoTemplate('{{range $i, $e := .items}}{{$i}}={{$e.metadata.name}};{{end}}{{len .items}}', LIST), '0=a;1=b;2');
  assert.equal(renderGoTemplate('{{.missing}}', LIST), '<no value>');
  assert.throws(() => renderGoTemplate('{{frobnicate .x}}', LIST), /function "frobnicate" not defined/);
});

test('custom columns print what is there and <none>', () => {
  const columns = parseCustomColumns('NAME:.metadata.name,LABELS:.metadata.labels');
  assert.equal(
    renderCustomColumns(columns, LIST.items, { headers: true }),
    'NAME   LABELS\na      map[app.kubernetes.io/name:x]\nb      <none>\n',
  );
  assert.throws(() => parseCustomColumns('NAME'), CommandError);
});

test('rows line up with three spaces between, and later rows with earlier ones', () => {
  const widths: number[] = [];
  assert.equal(
    renderRows(
      [
        ['NAME', 'AGE'],
        ['long-name', '1s'],
      ],
      widths,
    ),
    'NAME        AGE\nlong-name   1s\n',
  );
  assert.equal(renderRows([['x', '2s']], widths), 'x           2s\n');
});

test('sorting knows numbers and quantities', () => {
  assert.deepEqual(sortByPath([{ v: '10Mi' }, { v: '9Mi' }, { v: '1Gi' }], '.v'), [{ v: '9Mi' }, { v: '10Mi' }, { v: '1Gi' }]);
  assert.throws(() => sortByPath([{ v: 1 }], '.w'), /couldn't find any field/);
});

test('JSON is sorted, indented by four and escaped as Go does', () => {
  assert.equal(renderObject({ b: '<a>', a: [1] }, 'json'), '{\n    "a": [\n        1\n    ],\n    "b": "\\u003ca\\u003e"\n}\n');
  assert.equal(renderObject({ b: ['x'], a: 'yes', t: '2026-01-01T00:00:00Z' }, 'yaml'), 'a: "yes"\nb:\n- x\nt: "2026-01-01T00:00:00Z"\n');
});
