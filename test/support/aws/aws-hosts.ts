/**
 * The machines behind what moto "runs": each instance is a sandbox of the local driver with the instance's addresses, which boots by its user
 * data. Watched by polling, as moto tells nobody.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EC2, Instance } from '@aws-sdk/client-ec2';
import { createLocalDriver } from '../../../src/drivers/local/local-driver.ts';
import type { Host } from '../../../src/hosts/host.ts';
import { openJournal } from '../../../src/provision/state/cluster-journal.ts';
import { bootCloudHost } from '../cloud-host.ts';
import type { Suite } from '../suite.ts';

const CLUSTER = 'ec2';
const CONTEXT = { signal: new AbortController().signal, progress: () => {} };
/** moto's own public addresses, and those of the networks that tests make. */
const RANGES = ['54.214.0.0/16', '10.100.0.0/16'];
/** This computer, as instances see it: the gateway of their network. */
const GATEWAY = '10.100.0.1';

export interface AwsHosts {
  /** The host of an instance that runs, by its node's name. */
  of(node: string): Host | undefined;
  /** Whether an instance with that private address was given rights. */
  hasProfile(address: string): boolean;
  /** What went wrong with hosts: empty when all is well. */
  readonly problems: string[];
  close(): Promise<void>;
}

export const watchInstances = async (suite: Suite, ec2: EC2): Promise<AwsHosts> => {
  const dataDir = join(suite.root, 'ec2');
  const sandboxes = createLocalDriver({
    dataDir,
    stateDir: suite.root,
    requirements: [],
    journal: openJournal(join(suite.root, 'ec2-journal')),
  });
  const running = new Map<string, { instance: Instance; host: Host }>();
  const problems: string[] = [];
  const busy = new Map<string, Promise<void>>();
  let closed = false;

  const boot = async (instance: Instance): Promise<void> => {
    const id = instance.InstanceId ?? '';
    const userData = await ec2.describeInstanceAttribute({
      InstanceId: id,
      Attribute: 'userData',
    });
    const machine = await sandboxes.create({ cluster: CLUSTER, name: id, settings: {} }, CONTEXT);
    await joinNetwork(suite, dataDir);
    const host = await sandboxes.connect(machine);
    // Only the addresses that AWS gave it, and its own one first: what it sends comes from there.
    await host.run([
      'sh',
      '-ec',
      `ip address replace ${instance.PrivateIpAddress}/16 dev eth0
       ip address delete ${machine.address}/24 dev eth0 2>/dev/null || true
       ${instance.PublicIpAddress ? `ip address replace ${instance.PublicIpAddress}/32 dev eth0` : ''}
       ip route replace default via ${GATEWAY} src ${instance.PrivateIpAddress}
       hostname ${nodeOf(instance)}`,
    ]);
    await bootCloudHost(sandboxes, {
      machine,
      userData: Buffer.from(userData.UserData?.Value ?? '', 'base64').toString(),
    });
    running.set(id, { instance, host });
  };
  const halt = async (id: string, state: string): Promise<void> => {
    running.delete(id);
    await sandboxes.stop({ cluster: CLUSTER, name: id }, { powerOff: true });
    if (state === 'terminated') await sandboxes.destroy({ cluster: CLUSTER, name: id });
  };

  /** What is done for one instance is done one after the other. */
  const settled = new Map<string, string>();
  const bring = (instance: Instance): void => {
    const id = instance.InstanceId ?? '';
    const state = instance.State?.Name === 'pending' ? 'running' : (instance.State?.Name ?? '');
    if (busy.has(id) || settled.get(id) === state || !['running', 'stopped', 'terminated'].includes(state)) return;
    settled.set(id, state);
    if (state !== 'running' && !running.has(id)) return;
    const work = (state === 'running' ? boot(instance) : halt(id, state))
      .catch((error: Error) => void problems.push(`${id} ${state}: ${error.message}`))
      .finally(() => busy.delete(id));
    busy.set(id, work);
  };
  const look = async (): Promise<void> => {
    while (!closed) {
      const { Reservations = [] } = await ec2.describeInstances({}).catch(() => ({ Reservations: [] }));
      for (const reservation of Reservations) reservation.Instances?.forEach(bring);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const looking = look();
  return {
    of: (node) => [...running.values()].find(({ instance }) => nodeOf(instance) === node)?.host,
    hasProfile: (address) =>
      [...running.values()].some(({ instance }) => instance.PrivateIpAddress === address && instance.IamInstanceProfile),
    problems,
    close: async () => {
      closed = true;
      await looking;
      await Promise.all(busy.values());
      for (const machine of await sandboxes.list(CLUSTER)) await sandboxes.destroy(machine);
      await sandboxes.destroyShared(CLUSTER);
    },
  };
};

const nodeOf = (instance: Instance): string => instance.Tags?.find((tag) => tag.Key === 'slipway/node')?.Value ?? '';

/** The addresses that AWS gives are on the sandboxes' bridge beside its own. */
const joinNetwork = async (suite: Suite, dataDir: string): Promise<void> => {
  const { bridge } = JSON.parse(readFileSync(join(dataDir, 'clusters', CLUSTER, 'network.json'), 'utf8')) as { bridge: string };
  await suite.run(['ip', 'address', 'add', `${GATEWAY}/16`, 'dev', bridge]);
  for (const range of RANGES) await suite.run(['ip', 'route', 'replace', range, 'dev', bridge]);
};
