import { appendFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EC2, Instance } from '@aws-sdk/client-ec2';
import type { Host } from '../../hosts/host.ts';
import { writeAtomically } from '../../hosts/local/local-host.ts';
import { keepSshKey, makeSshKey, type SshKeyPair } from '../../hosts/ssh/make-ssh-key.ts';
import { asked } from './aws-clients.ts';
import { tagIn } from './aws-tags.ts';

const TAG = 'slipway/host-key';
/** Given by user data, for the first login. */
const FIRST = 'host_key';
/** Public halves of those that a replacement was begun with: any of them may be in use after a crash. */
const NEXT = 'next_host_key.pub';
const KNOWN = 'known_host_key.pub';

/**
 * The keys by which one instance is known, in a folder of its own. The first one is made here and told by user data, where others may read it;
 * so it is replaced over the first connection.
 */
export class AwsHostKeys {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  first(name: string): Promise<SshKeyPair> {
    return keepSshKey(join(this.#folder, FIRST), name);
  }

  /** Those of this computer; where they were lost, the one that the instance was tagged with when it was last known. */
  async expected(instance: Instance): Promise<string[]> {
    const known = await this.#lines(KNOWN);
    if (known.length) return known;
    const begun = [...(await this.#lines(NEXT)), ...(await this.#lines(`${FIRST}.pub`))];
    const tagged = tagIn(instance.Tags, TAG);
    return begun.length || !tagged ? begun : [tagged];
  }

  async isReplaced(): Promise<boolean> {
    return (await this.#lines(KNOWN)).length > 0;
  }

  async replace(ec2: EC2, { instance, host, name }: { instance: Instance; host: Host; name: string }): Promise<void> {
    const pair = makeSshKey(name);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    // Known here before it is in use there: whichever key is shown after a crash, it is one that is expected.
    await appendFile(join(this.#folder, NEXT), `${pair.publicKey}\n`, { mode: 0o600, flush: true });
    await host.writeFile('/etc/ssh/ssh_host_ed25519_key', pair.privateKey, { mode: 0o600 });
    await host.writeFile('/etc/ssh/ssh_host_ed25519_key.pub', `${pair.publicKey}\n`, { mode: 0o644 });
    await host.run(['sh', '-c', 'kill -HUP "$(cat /run/sshd.pid)"']);
    const tags = [{ Key: TAG, Value: pair.publicKey }];
    await asked('note the key of the host', ec2.createTags({ Resources: [instance.InstanceId ?? ''], Tags: tags }));
    await writeAtomically(join(this.#folder, KNOWN), `${pair.publicKey}\n`, 0o600);
    await rm(join(this.#folder, NEXT), { force: true });
  }

  async #lines(name: string): Promise<string[]> {
    const text = await readFile(join(this.#folder, name), 'utf8').catch(() => '');
    return text.split('\n').filter(Boolean);
  }
}
