/** The structure of the house, held as a test: who may import whom, where heavy libraries live, sizes and names of files. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CATALOGUE } from '../src/base/errors/catalogue.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** design: only downward, never sideways. A folder of src may import from itself and from what stands here. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  api: ['base'],
  store: ['base'],
  pki: ['base'],
  hosts: ['base'],
  client: ['pki', 'api', 'base'],
  apiserver: ['store', 'pki', 'api', 'base'],
  controllers: ['client', 'api', 'base'],
  scheduler: ['client', 'api', 'base'],
  agent: ['client', 'pki', 'api', 'base'],
  drivers: ['hosts', 'base'],
  cli: ['client', 'api', 'base'],
  dashboard: ['base', 'api'],
  runtime: ['apiserver', 'scheduler', 'controllers', 'agent', 'dashboard', 'store', 'client', 'pki', 'api', 'base'],
  provision: ['drivers', 'hosts', 'client', 'pki', 'api', 'base'],
  testing: ['runtime', 'client', 'pki', 'api', 'base'],
  commands: ['cli', 'provision', 'runtime', 'client', 'api', 'base'],
};

/** Single files that may be imported beyond the table, each with its reason. */
const EXCEPTIONS: Record<string, string> = {
  'runtime -> src/drivers/aws/aws-cloud.ts': 'a cloud is composed into the server, as a bundle of its own (ADR 52)',
  'drivers -> src/controllers/cloud.ts': 'types only: the contract that a cloud implements (ADR 51)',
  'commands -> src/drivers/driver.ts': 'types of findings and machines that commands print',
  'commands -> src/pki/kubeconfig.ts': 'commands read and write kubeconfigs',
  'commands -> src/hosts/host.ts': 'types only',
  'cli -> src/pki/kubeconfig.ts': 'the session of a command reads the kubeconfig',
  'cli -> src/pki/leaf-certificate.ts': 'a client certificate that nears its end is renewed before it is used',
  'commands -> src/pki/kubeconfig-file.ts': 'commands write kubeconfigs',
  'cli -> src/commands/index.ts': 'the lazily loaded list of commands, which a bundle needs',
};

/** A heavy library has one home. */
const LIBRARY_HOMES: Record<string, readonly string[]> = {
  '@aws-sdk/': ['src/drivers/aws'],
  '@grpc/grpc-js': ['src/agent/cri', 'src/store/etcd', 'src/agent/pods'],
  protobufjs: ['src/agent/cri', 'src/store/etcd'],
  ssh2: ['src/hosts/ssh'],
  'node:sqlite': ['src/store/sqlite'],
  '@oclif/core': ['src/cli', 'src/commands'],
  inquirer: ['src/cli', 'src/commands'],
  listr2: ['src/cli'],
  '@peculiar/x509': ['src/pki'],
  jose: ['src/pki'],
  handlebars: ['src/base/templates'],
  'dns-packet': ['src/agent/network'],
  '@marcbachmann/cel-js': ['src/api/cel'],
};

/** Longer than 500 lines, each with its reason. Generated files and data tables are exempt by their place. */
const LONG_FILES: Record<string, string> = { 'src/agent/cri/cri-types.ts': 'generated from the published CRI' };

const BAD_NAMES = /(^|\/)(utils?|helpers?|common|misc)(\.ts|\/|$)/;

const sources = globSync('src/**/*.ts', { cwd: root }).sort();
const isGenerated = (file: string): boolean => file.startsWith('src/api/types/');

const importsOf = (file: string): string[] => {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s+'([^']+)'|import\('([^']+)'\)|(?:^|\n)import '([^']+)'/g)].map(
    (match) => (match[1] ?? match[2] ?? match[3]) as string,
  );
};

test('folders import only downward, as the table says', () => {
  const offences: string[] = [];
  for (const file of sources) {
    const from = file.split('/')[1] as string;
    assert.ok(from in MAY_IMPORT, `src/${from} is not a folder of the design`);
    for (const specifier of importsOf(file)) {
      if (!specifier.startsWith('.')) continue;
      const target = relative(root, resolve(root, dirname(file), specifier));
      const to = target.split('/')[1] as string;
      if (!target.startsWith('src/') || from === to) continue;
      if (!MAY_IMPORT[from]?.includes(to) && !(`${from} -> ${target}` in EXCEPTIONS)) offences.push(`${file} imports ${target}`);
    }
  }
  assert.deepEqual(offences, []);
});

test('every heavy library has one home', () => {
  const offences: string[] = [];
  for (const file of sources)
    for (const specifier of importsOf(file))
      for (const [library, homes] of Object.entries(LIBRARY_HOMES))
        if (
          (specifier === library || specifier.startsWith(library.endsWith('/') ? library : `${library}/`)) &&
          !homes.some((home) => file.startsWith(home))
        )
          offences.push(`${file} imports ${specifier}`);
  assert.deepEqual(offences, []);
});

test('relative imports name a file that is there', () => {
  const offences: string[] = [];
  for (const file of sources)
    for (const specifier of importsOf(file))
      if (specifier.startsWith('.') && globSync(join(root, dirname(file), specifier)).length === 0) offences.push(`${file}: ${specifier}`);
  assert.deepEqual(offences, []);
});

test('no file is longer than 500 lines without a reason', () => {
  const long = sources.filter((file) => !isGenerated(file) && readFileSync(join(root, file), 'utf8').split('\n').length > 500);
  assert.deepEqual(
    long.filter((file) => !(file in LONG_FILES)),
    [],
  );
  assert.deepEqual(
    Object.keys(LONG_FILES).filter((file) => !long.includes(file)),
    [],
    'listed as long, but is not',
  );
});

test('files are kebab-case and named for what they hold', () => {
  const bad = sources.filter((file) => !/^[a-z0-9/.-]+\.ts$/.test(file) || BAD_NAMES.test(file));
  assert.deepEqual(bad, []);
});

test('only commands have default exports', () => {
  const bad = sources.filter(
    (file) => !file.startsWith('src/commands/') && /^export default /m.test(readFileSync(join(root, file), 'utf8')),
  );
  assert.deepEqual(bad, []);
});

test('docs/errors.md has one heading for every error of the catalogue, and no other', () => {
  const headings = [...readFileSync(join(root, 'docs/errors.md'), 'utf8').matchAll(/^## (\w+)$/gm)].map((match) => match[1]);
  assert.deepEqual(headings.toSorted(), Object.keys(CATALOGUE).toSorted());
});
