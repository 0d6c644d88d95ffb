/**
 * The machines behind what moto "runs": each instance is a sandbox of the local driver with the instance's addresses, which boots by its user
 * data. Watched by polling, as moto tells nobody; so an instance may be seen before moto has tagged it or given it its rights, and one that was
 * stopped and started between two looks is known by its new public address only.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EC2, Instance, RouteTable } from '@aws-sdk/client-ec2';
import { createLocalDriver } from '../../../src/drivers/local/local-driver.ts';
import { openJournal } from '../../../src/provision/state/cluster-journal.ts';
import { bootCloudHost } from '../cloud-host.ts';
import type { Suite } from '../suite.ts';
import { filterPackets, GATEWAY } from './security-groups.ts';

const CLUSTER = 'ec2';
const CONTEXT = { signal: new AbortController().signal, progress: () => {} };
/** moto's own public addresses, and those of the networks that tests make. */
const RANGES = ['54.214.0.0/16', '10.100.0.0/16'];

export interface AwsHosts {
  /** Whether an instance with that private address was given rights. */
  hasProfile(address: string): boolean;
  /** Waits until every instance that moto knows now has, or has no more, a host. */
  settle(): Promise<void>;
  /** Hosts that are there, whatever moto says. */
  left(): Promise<string[]>;
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
  /** As they were at the last look. */
  const seen = new Map<string, Instance>();
  /** The addresses that each was booted with. */
  const running = new Map<string, string>();
  const filter = filterPackets(suite);
  const router = routeRanges(suite);
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
    running.set(id, addressOf(instance));
  };
  const halt = async (id: string): Promise<void> => {
    running.delete(id);
    await sandboxes.stop({ cluster: CLUSTER, name: id }, { powerOff: true });
  };
  const bring = async (instance: Instance, state: string): Promise<void> => {
    const id = instance.InstanceId ?? '';
    const known = running.get(id);
    if (known !== undefined && (state !== 'running' || known !== addressOf(instance))) await halt(id);
    if (state === 'running' && !running.has(id)) await boot(instance);
    if (state === 'terminated') await sandboxes.destroy({ cluster: CLUSTER, name: id });
  };

  /** What is done for one instance is done one after the other. */
  const settled = new Map<string, string>();
  const follow = (instance: Instance): void => {
    const id = instance.InstanceId ?? '';
    if (!nodeOf(instance)) return;
    seen.set(id, instance);
    const state = instance.State?.Name === 'pending' ? 'running' : (instance.State?.Name ?? '');
    const wanted = `${state} ${addressOf(instance)}`;
    if (busy.has(id) || settled.get(id) === wanted || !['running', 'stopped', 'terminated'].includes(state)) return;
    settled.set(id, wanted);
    const work = bring(instance, state)
      .catch((error: Error) => void problems.push(`${id} ${state}: ${error.message}`))
      .finally(() => busy.delete(id));
    busy.set(id, work);
  };
  const look = async (): Promise<void> => {
    const [{ Reservations = [] }, { SecurityGroups: groups = [] }, { RouteTables = [] }] = await Promise.all([
      ec2.describeInstances({}),
      ec2.describeSecurityGroups({}),
      ec2.describeRouteTables({}),
    ]);
    const instances = Reservations.flatMap((reservation) => reservation.Instances ?? []);
    const ranges = rangesIn(RouteTables);
    await filter.follow({ instances, groups, ranges });
    await router.follow(
      new Map(
        ranges.flatMap(({ range, instanceId }) => {
          const address = instances.find(({ InstanceId }) => InstanceId === instanceId)?.PrivateIpAddress;
          return address ? [[range, address] as const] : [];
        }),
      ),
    );
    instances.forEach(follow);
  };
  const keepLooking = async (): Promise<void> => {
    while (!closed) {
      await look().catch((error: Error) => void problems.push(`looking at the instances: ${error.message}`));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const looking = keepLooking();
  return {
    hasProfile: (address) =>
      [...seen.values()].some(
        (instance) => instance.PrivateIpAddress === address && instance.State?.Name === 'running' && instance.IamInstanceProfile,
      ),
    settle: async () => {
      await look();
      while (busy.size) {
        await Promise.all(busy.values());
        await look();
      }
    },
    left: async () => (await sandboxes.list(CLUSTER)).map((machine) => `host ${machine.name}`),
    problems,
    close: async () => {
      closed = true;
      await looking;
      await Promise.all(busy.values());
      for (const machine of await sandboxes.list(CLUSTER)) await sandboxes.destroy(machine);
      await sandboxes.destroyShared(CLUSTER);
      await filter.close();
    },
  };
};

const rangesIn = (tables: readonly RouteTable[]): { range: string; instanceId: string }[] =>
  tables
    .flatMap(({ Routes = [] }) => Routes)
    .flatMap(({ DestinationCidrBlock: range, InstanceId: instanceId }) => (range && instanceId ? [{ range, instanceId }] : []));

/** What the table of routes says, in the kernel that all instances have as their gateway. */
const routeRanges = (suite: Suite): { follow(wanted: ReadonlyMap<string, string>): Promise<void> } => {
  const applied = new Map<string, string>();
  return {
    follow: async (wanted) => {
      for (const [range, address] of wanted) {
        if (applied.get(range) === address) continue;
        await suite.run(['ip', 'route', 'replace', range, 'via', address]);
        applied.set(range, address);
      }
      for (const range of [...applied.keys()].filter((one) => !wanted.has(one))) {
        await suite.run(['ip', 'route', 'delete', range]);
        applied.delete(range);
      }
    },
  };
};

const nodeOf = (instance: Instance): string => instance.Tags?.find((tag) => tag.Key === 'slipway/node')?.Value ?? '';

const addressOf = (instance: Instance): string => `${instance.PrivateIpAddress} ${instance.PublicIpAddress ?? ''}`;

/** The addresses that AWS gives are on the sandboxes' bridge beside its own. */
const joinNetwork = async (suite: Suite, dataDir: string): Promise<void> => {
  const { bridge } = JSON.parse(readFileSync(join(dataDir, 'clusters', CLUSTER, 'network.json'), 'utf8')) as { bridge: string };
  await suite.run(['ip', 'address', 'add', `${GATEWAY}/16`, 'dev', bridge]);
  for (const range of RANGES) await suite.run(['ip', 'route', 'replace', range, 'dev', bridge, 'src', GATEWAY]);
};
