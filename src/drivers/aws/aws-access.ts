import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EC2, Instance } from '@aws-sdk/client-ec2';
import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host } from '../../hosts/host.ts';
import { seededHostKey } from '../../hosts/ssh/known-hosts.ts';
import { keepSshKey, type SshKeyPair } from '../../hosts/ssh/make-ssh-key.ts';
import { createSshHost } from '../../hosts/ssh/ssh-host.ts';
import type { SshTarget } from '../../hosts/ssh/ssh-target.ts';
import { awaitSsh } from '../await-ssh.ts';
import type { DriverContext, Machine, MachineId } from '../driver.ts';
import { AwsHostKeys } from './aws-host-keys.ts';
import { machineOf } from './aws-instances.ts';
import { tagIn } from './aws-tags.ts';

/** The tag that says whom an instance lets in. */
export const USER_TAG = 'slipway/user';
export const DEFAULT_USER = 'slipway';

/** The way to a cluster's instances: our key for all of them and the keys by which each is known, in `aws` below the cluster's state. */
export class AwsAccess {
  readonly #folder: string;
  #key: Promise<SshKeyPair> | undefined;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'aws');
  }

  /** Machines that are made side by side must not each make one. */
  clientKey(): Promise<SshKeyPair> {
    this.#key ??= keepSshKey(this.#keyFile, 'slipway');
    return this.#key;
  }

  /** The key that a new instance is told to have. */
  firstHostKey(id: MachineId): Promise<SshKeyPair> {
    return this.#hostKeys(id).first(id.name);
  }

  /** A machine that runs, once it lets us in; its key is then another than the one that anybody who may read user data knows. */
  async reach(ec2: EC2, instance: Instance, { context, seconds }: { context: DriverContext; seconds: number }): Promise<Machine> {
    const machine = machineOf(instance);
    const host = await awaitSsh({
      name: `${machine.name} (${machine.externalAddress})`,
      target: { host: machine.externalAddress ?? '', port: 22 },
      open: () => this.open(instance),
      timeoutMs: seconds * 1000,
      signal: context.signal,
      consoleLines: async () => {
        const output = await ec2.getConsoleOutput({ InstanceId: instance.InstanceId, Latest: true }).catch(() => undefined);
        return Buffer.from(output?.Output ?? '', 'base64')
          .toString()
          .split('\n')
          .slice(-15);
      },
      advice: [
        `aws ec2 get-console-output --latest --instance-id ${instance.InstanceId}`,
        'clientCidrs: the address of this computer may have changed',
      ],
    });
    try {
      const keys = this.#hostKeys(machine);
      if (!(await keys.isReplaced())) await keys.replace(ec2, { instance, host, name: machine.name });
    } finally {
      await host.close();
    }
    context.progress(`${machine.name} is up at ${machine.externalAddress}`);
    return machine;
  }

  async open(instance: Instance): Promise<Host> {
    const { hostKeys, ...way } = await this.way(instance);
    return createSshHost({ name: `${machineOf(instance).name} (${way.target.host})`, ...way, knownHosts: seededHostKey(...hostKeys) });
  }

  async way(instance: Instance): Promise<{ target: SshTarget; identityFile: string; hostKeys: string[] }> {
    const machine = machineOf(instance);
    if (machine.state !== 'running')
      throw new SlipwayError('HOST_UNREACHABLE', {
        tried: `reach ${machine.name}`,
        cause: 'the instance is stopped',
        advice: [`slipway node start ${machine.name} --cluster ${machine.cluster}`],
      });
    await this.clientKey();
    return {
      target: { host: machine.externalAddress ?? '', port: 22, user: tagIn(instance.Tags, USER_TAG) ?? DEFAULT_USER },
      identityFile: this.#keyFile,
      hostKeys: await this.#hostKeys(machine).expected(instance),
    };
  }

  async forget(id: MachineId): Promise<void> {
    await rm(this.#file(id), { recursive: true, force: true });
  }

  async forgetAll(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #keyFile(): string {
    return join(this.#folder, 'id_ed25519');
  }

  #hostKeys(id: MachineId): AwsHostKeys {
    return new AwsHostKeys(this.#file(id));
  }

  #file(id: MachineId): string {
    return join(this.#folder, 'nodes', id.name);
  }
}
