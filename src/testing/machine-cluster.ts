import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SlipwayError } from '../base/errors/slipway-error.ts';
import { packageRoot } from '../base/templates/template.ts';
import { createClient } from '../client/create-client.ts';
import { createRestTransport } from '../client/rest/rest-transport.ts';
import { connectionOf, parseKubeconfig } from '../pki/kubeconfig.ts';
import { createApiFetch } from './api-fetch.ts';
import { makeFixtureFolder, sweepAbandoned } from './fixture-folder.ts';
import type { FakeNodeControl, StartClusterOptions, TestCluster } from './test-cluster.ts';

const UP_TIMEOUT_MS = 300_000;
const OUTPUT_LIMIT = 64 * 1024 * 1024;
/** A file system with room, and one that lets programs run: /tmp is often neither. */
const PARENT = '/var/tmp';

/**
 * A cluster with real containers, made and removed by the program that people use: it needs no state of this process, and what it makes is
 * found again by the next fixture when this process is killed.
 */
export const startOnMachines = async (options: StartClusterOptions): Promise<TestCluster> => {
  refuseOthers(options);
  sweepAbandoned(removeAbandoned, PARENT);
  const folder = makeFixtureFolder(PARENT);
  const cluster = `test-${randomBytes(3).toString('hex')}`;
  const slipway = (...args: string[]) => runSlipway(folder.path, args);
  folder.onProcessEnd(() => removeAbandoned(folder.path));
  let stopping: Promise<void> | undefined;
  const down = async (): Promise<void> => {
    await slipway('down', cluster, '--yes', '--force');
    folder.remove();
  };
  try {
    await slipway('up', cluster, '--driver', 'local', '--nodes', String(options.nodes), '--kubeconfig=false');
    if (options.images?.length) await slipway('image', 'load', '--cluster', cluster, ...options.images);
    const kubeconfigPath = join(homeOf(folder.path), 'clusters', cluster, 'kubeconfig');
    const kubeconfig = await readFile(kubeconfigPath, 'utf8');
    const { server, caPem = '', certPem = '', keyPem = '' } = await connectionOf(parseKubeconfig(kubeconfig, kubeconfigPath));
    const transport = createRestTransport({ servers: [server], ca: caPem, cert: certPem, key: keyPem });
    const api = createApiFetch({ url: server, caPem, certPem, keyPem });
    const stop = (): Promise<void> => {
      stopping ??= transport.close().then(() => {
        api.close();
        return down();
      });
      return stopping;
    };
    return {
      url: server,
      kubeconfig,
      kubeconfigPath,
      caPem,
      client: createClient(transport),
      fetch: api.fetch,
      fakeNodes: NO_FAKE_NODES,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    // The failure of `up` is what is told; `up` has removed what it made already.
    await down().catch(() => folder.remove());
    throw error;
  }
};

const NO_FAKE_NODES: FakeNodeControl = {
  alive: [],
  kill: () => {
    throw new Error('the nodes of this cluster are real: slipway node kill');
  },
  revive: () => Promise.reject(new Error('the nodes of this cluster are real: slipway node start')),
};

const refuseOthers = (options: StartClusterOptions): void => {
  const others = (['components', 'store', 'admission', 'fakeNodes', 'nodeMonitorGraceSeconds', 'podEvictionSeconds'] as const).filter(
    (name) => options[name] !== undefined,
  );
  if (others.length) throw new TypeError(`startCluster({ nodes }) makes a whole cluster, for which ${others.join(', ')} cannot be chosen`);
};

const homeOf = (folder: string): string => join(folder, 'home');

const environmentOf = (folder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  SLIPWAY_HOME: homeOf(folder),
  SLIPWAY_DATA: join(folder, 'data'),
  // The user's own kubeconfig stays as it is, also when a cluster is removed.
  KUBECONFIG: join(folder, 'kubeconfig'),
});

const program = (): string => join(packageRoot(), 'dist', 'slipway.js');

const runSlipway = (folder: string, args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [program(), ...args, '-o', 'json'],
      { env: environmentOf(folder), cwd: dirname(program()), timeout: UP_TIMEOUT_MS, maxBuffer: OUTPUT_LIMIT },
      (error, _, stderr) => (error ? reject(errorOf(stderr, args)) : resolve()),
    );
  });

/** The program's own error, as it tells it to scripts. */
const errorOf = (stderr: string, args: readonly string[]): Error => {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  try {
    const { code, tried, cause, advice, logLines } = JSON.parse(last).error;
    return new SlipwayError(code, { tried, cause, advice, logLines });
  } catch {
    return new SlipwayError('STEP_FAILED', { tried: `run slipway ${args[0]}`, cause: last || 'it was killed, or ran out of time' });
  }
};

/** Synchronous: it also runs when this process ends. */
const removeAbandoned = (folder: string): void => {
  const { stdout } = spawnSync(process.execPath, [program(), 'status', '-o', 'json'], { env: environmentOf(folder), encoding: 'utf8' });
  for (const name of namesIn(stdout))
    spawnSync(process.execPath, [program(), 'down', name, '--yes', '--force'], { env: environmentOf(folder), timeout: UP_TIMEOUT_MS });
};

const namesIn = (json: string): string[] => {
  try {
    return (JSON.parse(json) as { name: string }[]).map((status) => status.name);
  } catch {
    return [];
  }
};
