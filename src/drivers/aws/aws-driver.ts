import { join } from 'node:path';
import type { EC2, Image, Instance } from '@aws-sdk/client-ec2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import { seededTerminal } from '../../hosts/ssh/ssh-terminal.ts';
import { renderUserData } from '../cloud-init/cloud-config.ts';
import type { Driver, DriverContext, DriverOptions, Finding, Machine, MachineId, MachineSpec, PlannedResource } from '../driver.ts';
import { readSettings } from '../read-settings.ts';
import { AwsAccess, DEFAULT_USER, USER_TAG } from './aws-access.ts';
import { removeBalancers } from './aws-balancers.ts';
import { type AwsClients, asked, openAws, regionOf } from './aws-clients.ts';
import { findImage } from './aws-images.ts';
import { awaitState, findInstance, listInstances, machineOf, terminateInstance } from './aws-instances.ts';
import { ensureKeyPair, removeKeyPair } from './aws-key-pair.ts';
import { AwsNetwork, type AwsNetworkIds, type AwsNetworkSettings } from './aws-network.ts';
import { DEFAULT_DISK_GIB, instanceTypeOf, priceOf } from './aws-prices.ts';
import { ensureProfile, removeProfile } from './aws-profile.ts';
import { runInstance } from './aws-run-instance.ts';
import { awsDriver } from './aws-settings.ts';
import { endSpotRequests } from './aws-spot.ts';
import { ownCidrs } from './own-cidrs.ts';

const DEFAULTS = { cidr: '10.100.0.0/16', zones: 3, diskGiB: DEFAULT_DISK_GIB, bootTimeoutSeconds: 300 };

/**
 * Instances of EC2. Everything carries the cluster's tag, which is how it is found; the journal says what was asked for before AWS did it.
 *
 *   absent --create--> running --stop--> stopped --start--> running       a start may bring another public address
 *      ^------------------destroy (terminated)-----------------'
 */
export const createAwsDriver = (options: DriverOptions): Driver => new AwsDriver(options);

class AwsDriver implements Driver {
  readonly name = 'aws';
  readonly #options: DriverOptions;
  readonly #settings: Record<string, unknown>;
  readonly #access: AwsAccess;
  #opened: AwsClients | undefined;
  /** Made once for all machines that are asked for at a time. */
  #shared: Promise<AwsNetworkIds> | undefined;
  #followed: Promise<void> | undefined;
  #profile: Promise<string> | undefined;
  readonly #images = new Map<string, Promise<Image>>();
  #clientCidrs: Promise<string[]> | undefined;

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#settings = readSettings(awsDriver, options.settings ?? {});
    this.#access = new AwsAccess(options.stateDir);
  }

  /** Opened at first use: a region that is missing must not keep a cluster of other drivers from working. */
  get #clients(): AwsClients {
    this.#opened ??= openAws(regionOf(this.#settings));
    return this.#opened;
  }

  get #podRoutes(): boolean {
    return this.#settings['podRoutes'] === true;
  }

  get cloud(): Driver['cloud'] {
    const endpoint = process.env['AWS_ENDPOINT_URL'];
    const podRoutes = this.#podRoutes ? { podRoutes: true } : {};
    return { provider: 'aws', region: this.#clients.region, ...(endpoint ? { endpoint } : {}), ...podRoutes };
  }

  async preflight(): Promise<Finding[]> {
    try {
      const ec2 = await this.#clients.ec2();
      await asked('ask AWS who this is', ec2.describeAvailabilityZones({}));
      return [];
    } catch (error) {
      if (!(error instanceof SlipwayError)) throw error;
      return [
        {
          severity: 'error',
          code: error.code,
          problem: `AWS cannot be used: ${error.reason}.`,
          fix: error.advice[0] ?? 'aws sts get-caller-identity',
        },
      ];
    }
  }

  async plan(specs: readonly MachineSpec[]): Promise<PlannedResource[]> {
    const [first] = specs;
    if (!first) return [];
    const ec2 = await this.#clients.ec2();
    const network = this.#network(first.cluster);
    const [shared, instances] = await Promise.all([network.plan(await this.#networkSettings()), listInstances(ec2, first.cluster)]);
    // What `create` would throw is better known before.
    for (const spec of specs) if (!instances.some((instance) => machineOf(instance).name === spec.name)) await this.#image(spec);
    const machines = specs.map((spec): PlannedResource => {
      const settings = readSettings(awsDriver, spec.settings);
      const there = instances.find((instance) => machineOf(instance).name === spec.name);
      const type = instanceTypeOf({ ...spec, settings });
      const spot = settings['spot'] === true;
      return {
        kind: 'machine',
        name: spec.name,
        state: there ? this.#planned(there) : 'absent',
        detail: `${type ?? 'no known type'}${spot ? ' (spot)' : ''} in ${this.#clients.region}, ${spec.diskGiB ?? DEFAULTS.diskGiB} GiB${
          there && this.#mustPass(there) ? ', lets packets of pods through' : ''
        }`,
        ...priceOf({ type, region: this.#clients.region, diskGiB: spec.diskGiB ?? DEFAULTS.diskGiB, spot }),
      };
    });
    return [...shared, ...machines];
  }

  async create(spec: MachineSpec, context: DriverContext): Promise<Machine> {
    const ec2 = await this.#clients.ec2();
    const there = await findInstance(ec2, spec);
    if (there) {
      // Else who is let in since then could not reach it, nor see it start.
      this.#followed ??= this.#networkSettings().then((wanted) => this.#network(spec.cluster).follow(wanted));
      await this.#followed;
      // The wish may be younger than the machine.
      if (this.#podRoutes && spec.managesCloud) await this.#ensureProfile(spec.cluster);
    }
    const instanceId = there?.InstanceId ?? (await this.#run(ec2, spec, context));
    if (there && machineOf(there).state === 'stopped') return this.start(spec, context);
    const instance = await awaitState(ec2, instanceId, { state: 'running', signal: context.signal });
    await this.#letPass(ec2, instance);
    return this.#reach(ec2, instance, context);
  }

  async describe(id: MachineId): Promise<Machine | undefined> {
    const found = await findInstance(await this.#clients.ec2(), id);
    return found && machineOf(found);
  }

  async list(cluster: string): Promise<Machine[]> {
    return (await listInstances(await this.#clients.ec2(), cluster)).map(machineOf);
  }

  async start(id: MachineId, context: DriverContext): Promise<Machine> {
    const ec2 = await this.#clients.ec2();
    const found = await findInstance(ec2, id);
    if (!found?.InstanceId) throw new SlipwayError('NODE_UNKNOWN', { tried: `start ${id.name}`, cause: 'AWS has no such instance' });
    if (found.State?.Name === 'stopping') await awaitState(ec2, found.InstanceId, { state: 'stopped', signal: context.signal });
    if (machineOf(found).state === 'stopped') {
      context.progress(`${id.name} starts`);
      await asked(`start ${id.name}`, ec2.startInstances({ InstanceIds: [found.InstanceId] }));
    }
    const instance = await awaitState(ec2, found.InstanceId, { state: 'running', signal: context.signal });
    await this.#letPass(ec2, instance);
    return this.#reach(ec2, instance, context);
  }

  async stop(id: MachineId, { powerOff }: { powerOff: boolean }): Promise<void> {
    const ec2 = await this.#clients.ec2();
    const found = await findInstance(ec2, id);
    if (!found?.InstanceId || found.State?.Name === 'stopped') return;
    await asked(`stop ${id.name}`, ec2.stopInstances({ InstanceIds: [found.InstanceId], Force: powerOff }));
    await awaitState(ec2, found.InstanceId, { state: 'stopped' });
  }

  async destroy(id: MachineId): Promise<void> {
    const ec2 = await this.#clients.ec2();
    const found = await findInstance(ec2, id);
    // Before its instance goes: else the request starts another one.
    await endSpotRequests(ec2, { cluster: id.cluster, node: id.name, instances: found ? [found] : [] });
    if (found?.InstanceId) await terminateInstance(ec2, found.InstanceId);
    await this.#access.forget(id);
    await this.#options.journal.forget({ driver: 'aws', kind: 'machine', name: id.name });
  }

  async destroyShared(cluster: string): Promise<void> {
    if ((await this.list(cluster)).length) return;
    const ec2 = await this.#clients.ec2();
    const { journal } = this.#options;
    await endSpotRequests(ec2, { cluster, instances: [] });
    await removeBalancers(this.#clients, cluster);
    await this.#network(cluster).destroy();
    await removeKeyPair(ec2, { cluster, journal });
    await removeProfile(this.#clients, cluster, journal);
    await this.#access.forgetAll();
  }

  async connect(machine: Machine): Promise<Host> {
    return this.#access.open(await this.#instance(machine));
  }

  async terminal(machine: Machine, command: readonly string[]): Promise<readonly string[]> {
    const file = join(this.#options.stateDir, 'terminals', machine.name);
    return seededTerminal({ ...(await this.#access.way(await this.#instance(machine))), file }, command);
  }

  async place(): Promise<Readonly<Record<string, string>>> {
    return { region: this.#clients.region };
  }

  async #instance(machine: Machine): Promise<Instance> {
    const found = await findInstance(await this.#clients.ec2(), machine);
    if (found) return found;
    throw new SlipwayError('NODE_UNKNOWN', { tried: `reach ${machine.name}`, cause: 'AWS has no such instance' });
  }

  async #run(ec2: EC2, spec: MachineSpec, context: DriverContext): Promise<string> {
    const settings = readSettings(awsDriver, spec.settings);
    const text = (name: string): string | undefined => settings[name] as string | undefined;
    const type = instanceTypeOf({ ...spec, settings });
    if (!type)
      throw new SlipwayError('CONFIG_INVALID', {
        tried: `choose an instance type for ${spec.name}`,
        cause: `no type that is known has ${spec.cpus} CPUs and ${spec.memoryMiB} MiB`,
        advice: ['spec.pools[].settings.instanceType: m6i.8xlarge   # in the cluster file'],
      });
    context.progress('looking after the network');
    // Looked for before anything is made.
    const image = await this.#image(spec);
    this.#shared ??= this.#networkSettings().then((wanted) => this.#network(spec.cluster).ensure(wanted));
    const [network, profileName, clientKey] = await Promise.all([
      this.#shared,
      spec.managesCloud ? this.#ensureProfile(spec.cluster) : undefined,
      this.#access.clientKey(),
    ]);
    const keyName = await ensureKeyPair(ec2, { cluster: spec.cluster, key: clientKey, journal: this.#options.journal });
    const hostKey = await this.#access.firstHostKey(spec);
    const user = text('user') ?? DEFAULT_USER;
    const zones = network.subnets;
    // Nodes are spread over the zones by their names' last number.
    const first = Number(/(\d+)$/.exec(spec.name)?.[1] ?? 1) - 1;
    context.progress(`asking for ${spec.name}, ${type}`);
    return runInstance(
      ec2,
      {
        id: spec,
        image,
        type,
        diskGiB: spec.diskGiB ?? DEFAULTS.diskGiB,
        spot: settings['spot'] === true,
        subnets: zones.map((_, index) => zones[(first + index) % zones.length] ?? { id: '', zone: '' }),
        securityGroupId: network.securityGroupId,
        keyName,
        profileName,
        userData: renderUserData({
          instanceId: `${spec.cluster}-${spec.name}`,
          hostname: spec.name,
          user,
          authorizedKeys: [clientKey.publicKey],
          hostKey,
        }),
        tags: { [USER_TAG]: user },
      },
      this.#options.journal,
    );
  }

  #ensureProfile(cluster: string): Promise<string> {
    this.#profile ??= ensureProfile(this.#clients, { cluster, journal: this.#options.journal, podRoutes: this.#podRoutes });
    return this.#profile;
  }

  /** AWS drops what comes from, or is for, other addresses than the machine's own, as pods' are. */
  #mustPass({ SourceDestCheck }: Instance): boolean {
    return this.#podRoutes && SourceDestCheck !== false;
  }

  #planned(there: Instance): PlannedResource['state'] {
    if (machineOf(there).state === 'stopped') return 'stopped';
    return this.#mustPass(there) ? 'differs' : 'present';
  }

  async #letPass(ec2: EC2, instance: Instance): Promise<void> {
    if (!this.#mustPass(instance)) return;
    const { InstanceId } = instance;
    await asked(
      `let packets of pods through ${InstanceId}`,
      ec2.modifyInstanceAttribute({ InstanceId, SourceDestCheck: { Value: false } }),
    );
  }

  /** Looked up once for all machines that are to have it. */
  #image(spec: MachineSpec): Promise<Image> {
    const { image, os } = readSettings(awsDriver, spec.settings) as { image?: string; os?: string };
    const key = image ?? os ?? '';
    const found = this.#images.get(key) ?? findImage(this.#clients, { image, os });
    this.#images.set(key, found);
    return found;
  }

  #reach(ec2: EC2, instance: Instance, context: DriverContext): Promise<Machine> {
    const seconds = (this.#settings['bootTimeoutSeconds'] as number | undefined) ?? DEFAULTS.bootTimeoutSeconds;
    return this.#access.reach(ec2, instance, { context, seconds });
  }

  #network(cluster: string): AwsNetwork {
    return new AwsNetwork({ clients: this.#clients, cluster, journal: this.#options.journal });
  }

  async #networkSettings(): Promise<AwsNetworkSettings> {
    const settings = this.#settings;
    this.#clientCidrs ??= settings['clientCidrs'] ? Promise.resolve(settings['clientCidrs'] as string[]) : ownCidrs();
    const clientCidrs = await this.#clientCidrs;
    return {
      vpc: settings['vpc'] as string | undefined,
      subnets: (settings['subnets'] as string[] | undefined) ?? [],
      cidr: (settings['cidr'] as string | undefined) ?? DEFAULTS.cidr,
      zones: (settings['zones'] as number | undefined) ?? DEFAULTS.zones,
      clientCidrs,
      nodePortCidrs: (settings['nodePortCidrs'] as string[] | undefined) ?? clientCidrs,
      nodeCidrs: (settings['nodeCidrs'] as string[] | undefined) ?? [],
    };
  }
}
