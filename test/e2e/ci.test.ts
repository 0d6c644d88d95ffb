/** The files of docs/guides/ci as CI systems use them: their shapes, and their shell parts for real. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { schemaProblems } from '../support/json-schema.ts';
import { type CliResult, enterSuite } from '../support/suite.ts';
import { until } from '../support/until.ts';

const suite = await enterSuite(import.meta.filename);
const folder = join(import.meta.dirname, '../../docs/guides/ci');
const read = (name: string) => parse(readFileSync(join(folder, name), 'utf8'));

const text = { type: 'string' };
/** GitHub's metadata syntax, as far as composite actions use it. */
const ACTION = {
  type: 'object',
  required: ['name', 'description', 'runs'],
  additionalProperties: false,
  properties: {
    name: text,
    description: text,
    inputs: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['description'],
        additionalProperties: false,
        properties: { description: text, required: { type: 'boolean' }, default: text, deprecationMessage: text },
      },
    },
    outputs: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['description', 'value'],
        additionalProperties: false,
        properties: { description: text, value: text },
      },
    },
    runs: {
      type: 'object',
      required: ['using', 'steps'],
      additionalProperties: false,
      properties: {
        using: { const: 'composite' },
        steps: {
          type: 'array',
          items: {
            type: 'object',
            required: ['run', 'shell'],
            additionalProperties: false,
            properties: {
              id: text,
              name: text,
              if: text,
              run: text,
              shell: text,
              env: { type: 'object', additionalProperties: text },
              'working-directory': text,
            },
          },
        },
      },
    },
  },
};
const lines = { type: 'array', items: text };
/** GitLab's: a hidden job. */
const TEMPLATE = {
  type: 'object',
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    properties: {
      variables: { type: 'object', additionalProperties: text },
      before_script: lines,
      after_script: lines,
      artifacts: {
        type: 'object',
        additionalProperties: false,
        properties: { when: { enum: ['on_success', 'on_failure', 'always'] }, expire_in: text, paths: lines },
      },
    },
  },
};

/** `slipway` on the PATH, as npm would have put it there. */
const bin = join(suite.root, 'bin');
mkdirSync(bin);
writeFileSync(join(bin, 'slipway'), `#!/bin/sh\nexec ${process.execPath} ${join(import.meta.dirname, '../../dist/slipway.js')} "$@"\n`);
chmodSync(join(bin, 'slipway'), 0o755);
const PATH = `${bin}:${process.env['PATH']}`;

/** What the runner gives a step, and what steps write for those that follow. */
const runner = (name: string) => {
  const temp = join(suite.root, name);
  mkdirSync(temp);
  const files = { GITHUB_ENV: join(temp, 'env'), GITHUB_OUTPUT: join(temp, 'output') };
  for (const path of Object.values(files)) writeFileSync(path, '');
  const pairs = (path: string) =>
    Object.fromEntries(
      readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(/=(.*)/s, 2)),
    );
  const base = { PATH, CI: 'true', RUNNER_TEMP: temp, SLIPWAY_HOME: '', ...files };
  return {
    temp,
    env: () => ({ ...base, ...pairs(files.GITHUB_ENV) }) as Record<string, string>,
    outputs: () => pairs(files.GITHUB_OUTPUT),
  };
};

const step = (name: string, env: Record<string, string>): Promise<CliResult> => suite.run(['bash', join(folder, 'github', name)], { env });

test('the files have the shapes that GitHub and GitLab publish', () => {
  for (const name of ['github/action.yml', 'github/down/action.yml']) assert.deepEqual(schemaProblems(ACTION, read(name)), [], name);
  const action = read('github/action.yml');
  const given = JSON.stringify(action.runs.steps);
  for (const input of Object.keys(action.inputs)) assert.ok(given.includes(`inputs.${input} }}`), input);
  assert.deepEqual(schemaProblems(TEMPLATE, read('gitlab/slipway.gitlab-ci.yml')), []);
});

test('GitHub: a cluster comes up, later steps use it, and the last step removes it', async () => {
  const job = runner('github');
  const { pauseImage } = await import('../../src/provision/images/builtin-images.ts');
  writeFileSync(join(job.temp, 'pause.tar'), await pauseImage());
  const up = await step('up.sh', {
    ...job.env(),
    ...{
      SLIPWAY_CI_NAME: 'gh',
      SLIPWAY_CI_NODES: '1',
      SLIPWAY_CI_TIMEOUT: '3m',
      SLIPWAY_CI_IMAGES: `${job.temp}/pause.tar\n`,
      SLIPWAY_CI_ARGS: '--wait',
    },
  });
  assert.equal(up.code, 0, `${up.stdout}${up.stderr}`);
  assert.ok(!up.stderr.includes('\u001b'), 'logs are plain');
  assert.match(up.stderr, /^ok +Making machines/m);
  const { kubeconfig, server } = job.outputs();
  assert.ok(existsSync(kubeconfig as string));
  assert.match(server as string, /^https:\/\//);
  const used = await suite.run(['slipway', 'get', 'nodes'], { env: job.env() });
  assert.match(used.stdout, /gh-1 +Ready/);
  const down = await step('down/down.sh', job.env());
  assert.equal(down.code, 0, down.stderr);
  assert.deepEqual(await suite.leftovers(), []);
});

/** A package of slipway, packed here: what it needs must not be fetched. With npm's settings to install it below a folder. */
const packageIn = async (temp: string): Promise<{ tarball: string; prefix: string; npm: Record<string, string> }> => {
  const folder = join(temp, 'package');
  const prefix = join(temp, 'npm');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'slipway', version: '0.0.1', bin: { slipway: 'slipway' } }));
  writeFileSync(join(folder, 'slipway'), readFileSync(join(bin, 'slipway')), { mode: 0o755 });
  const npm = { npm_config_prefix: prefix, npm_config_cache: join(temp, 'cache'), npm_config_update_notifier: 'false' };
  const packed = await suite.run(['npm', 'pack', '--silent', '--pack-destination', temp, folder], { env: npm });
  assert.equal(packed.code, 0, packed.stderr);
  return { tarball: join(temp, 'slipway-0.0.1.tgz'), prefix, npm };
};

test('GitHub: a runner that is not root has sudo, and slipway comes from the package', async () => {
  const job = runner('user');
  const { tarball, prefix, npm } = await packageIn(job.temp);
  await suite.run(['sh', '-c', `chown -R 65534 ${job.temp} && chmod 711 ${suite.root}`]);
  // What the suite keeps apart from this host must come through; a runner has no such variable.
  const sudoers = join(suite.root, 'sudoers');
  writeFileSync(sudoers, 'Defaults env_keep += "SLIPWAY_DATA"\nnobody ALL=(ALL) NOPASSWD: ALL\n', { mode: 0o440 });
  await suite.run(['mount', '--bind', sudoers, '/etc/sudoers']);
  const env = () => ({ ...job.env(), ...npm, PATH: `${prefix}/bin:${process.env['PATH']}`, HOME: job.temp });
  const as = (name: string, more: Record<string, string> = {}) =>
    suite.runAsNobody(['bash', join(folder, 'github', name)], { env: { ...env(), ...more } });
  const asked = { SLIPWAY_CI_NAME: 'user', SLIPWAY_CI_NODES: '1', SLIPWAY_CI_TIMEOUT: '3m' };

  const without = await as('up.sh', asked);
  assert.deepEqual([without.code, without.stdout], [2, '::error::slipway is not on the PATH: give the input package\n'], without.stderr);
  const up = await as('up.sh', { ...asked, SLIPWAY_CI_PACKAGE: tarball });
  assert.equal(up.code, 0, `${up.stdout}${up.stderr}`);
  assert.ok(existsSync(join(prefix, 'bin/slipway')));
  assert.equal(statSync(job.outputs()['kubeconfig'] as string).uid, 65534);
  const used = await suite.runAsNobody(['slipway', 'get', 'nodes'], { env: env() });
  assert.match(used.stdout, /user-1 +Ready/, used.stderr);
  const bundle = join(job.temp, 'support.tar.gz');
  const down = await as('down/down.sh', { SLIPWAY_CI_BUNDLE: bundle });
  assert.equal(down.code, 0, down.stderr);
  assert.equal(statSync(bundle).uid, 65534);
  assert.deepEqual(await suite.leftovers(), []);
});

test('GitHub: a job that fails says so, keeps what it made, and is cleaned up', async () => {
  const job = runner('late');
  const up = await step('up.sh', { ...job.env(), SLIPWAY_CI_NAME: 'late', SLIPWAY_CI_NODES: '1', SLIPWAY_CI_TIMEOUT: '500ms' });
  assert.equal(up.code, 124, `${up.stdout}${up.stderr}`);
  assert.match(up.stdout, /::error::slipway up ended with exit code 124/);
  const bundle = join(job.temp, 'support.tar.gz');
  const down = await step('down/down.sh', { ...job.env(), SLIPWAY_CI_BUNDLE: bundle });
  assert.equal(down.code, 0, down.stderr);
  assert.deepEqual(await suite.leftovers(), []);
  const without = await step('down/down.sh', { ...runner('never').env(), SLIPWAY_CI_NAME: '' });
  assert.deepEqual([without.code, without.stdout], [0, 'no cluster was made\n']);
});

test('GitLab: every line of the template, on success and after a kill', async () => {
  const project = join(suite.root, 'gitlab');
  mkdirSync(project);
  const template = read('gitlab/slipway.gitlab-ci.yml')['.slipway'];
  const variables = Object.fromEntries(
    Object.entries(template.variables as Record<string, string>).map(([name, value]) => [name, value.replace('$CI_PROJECT_DIR', project)]),
  );
  const env = { ...variables, PATH, CI: 'true', CI_PROJECT_DIR: project, SLIPWAY_CI_NODES: '1', CI_JOB_STATUS: 'success' };
  const script = (part: string[]) => ['bash', '-eo', 'pipefail', '-c', part.join('\n')];
  const { tarball, prefix, npm } = await packageIn(project);
  const install = (SLIPWAY_CI_PACKAGE: string) =>
    suite.run(script(template.before_script.slice(0, 1)), { env: { ...env, ...npm, PATH: process.env['PATH'] ?? '', SLIPWAY_CI_PACKAGE } });
  assert.match((await install('')).stderr, /name the package, or put slipway on the PATH/);
  const installed = await install(tarball);
  assert.deepEqual([installed.code, existsSync(join(prefix, 'bin/slipway'))], [0, true], installed.stderr);
  const before = await suite.run(script(template.before_script), { env });
  assert.equal(before.code, 0, before.stderr);
  assert.match((await suite.run(['slipway', 'get', 'nodes'], { env })).stdout, /ci-1 +Ready/);
  const after = await suite.run(script(template.after_script), { env });
  assert.equal(after.code, 0, after.stderr);
  assert.deepEqual(await suite.leftovers(), []);

  const killed = suite.start(script([`exec ${template.before_script[1]}`]), { env });
  await until(async () => killed.output().includes('Making machines'), { what: 'machines' });
  killed.signal('SIGKILL');
  await killed.ended;
  const cleaned = await suite.run(script(template.after_script), { env: { ...env, CI_JOB_STATUS: 'canceled' } });
  assert.equal(cleaned.code, 0, cleaned.stderr);
  assert.deepEqual(await suite.leftovers(), []);
});

test('down removes what is half there: a state cut short, a state that is gone, nothing at all', async () => {
  const up = () => suite.slipway(['up', 'half', '--nodes', '1']);
  const state = join(suite.home, 'clusters/half/state.json');
  assert.equal((await up()).code, 0);
  const unnamed = await suite.slipway(['down']);
  assert.equal(unnamed.code, 2);
  assert.match(unnamed.stderr, /no terminal to ask on: name the cluster \(slipway down half\), or add --yes/);
  assert.match((await suite.slipway(['get', 'nodes'])).stdout, /half-1 +Ready/);
  writeFileSync(state, readFileSync(state, 'utf8').slice(0, 100));
  const refused = await suite.slipway(['down', 'half', '--if-exists']);
  assert.match(refused.stderr, /STATE_CORRUPT[\s\S]*slipway down half --force/);
  assert.equal((await suite.slipway(['down', 'half', '--force', '--if-exists'])).code, 0);
  assert.deepEqual(await suite.leftovers(), []);
  assert.equal((await up()).code, 0);
  rmSync(join(suite.home, 'clusters/half'), { recursive: true });
  assert.equal((await suite.slipway(['down', 'half', '--force', '--if-exists'])).code, 0);
  assert.deepEqual(await suite.leftovers(), []);
  assert.equal((await up()).code, 0);
  rmSync(state);
  assert.match((await suite.slipway(['status', 'half'])).stderr, /CLUSTER_UNKNOWN[\s\S]*has no state.json[\s\S]*slipway adopt half/);
  const byJournal = await suite.slipway(['down', 'half', '--if-exists']);
  assert.deepEqual([byJournal.code, byJournal.stdout], [0, 'Cluster half is removed (half-1)\n'], byJournal.stderr);
  assert.deepEqual(await suite.leftovers(), []);
  // Of an `up` that was killed before it had written down anything.
  mkdirSync(join(suite.home, 'clusters/half'));
  assert.equal((await suite.slipway(['down', 'half'])).code, 1);
  assert.ok(!existsSync(join(suite.home, 'clusters/half')));
  const nothing = await suite.slipway(['down', 'half', '--if-exists']);
  assert.deepEqual([nothing.code, nothing.stderr], [0, 'no cluster half is there: nothing to remove\n']);
  assert.equal((await suite.slipway(['down', 'half', '--yes'])).code, 1);
});
