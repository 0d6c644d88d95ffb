import { type Flags, listFlag, textFlag } from '../../cli/args/flags.ts';
import { CommandError, UsageError } from '../../cli/errors.ts';
import { readData } from '../../cli/kube/data-sources.ts';
import { WRITE_FLAGS } from '../../cli/kube/object-flags.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { ObjectCommand } from '../../cli/object-command.ts';

const FILE = '.dockerconfigjson';

const flags = {
  ...WRITE_FLAGS,
  'docker-server': textFlag('The registry', { default: 'https://index.docker.io/v1/' }),
  'docker-username': textFlag('Who logs in', { default: '' }),
  'docker-password': textFlag('The password', { default: '' }),
  'docker-email': textFlag('An address', { default: '' }),
  'from-file': listFlag(`${FILE}=PATH: a file that docker login wrote`, { splitOnComma: false }),
} as const satisfies Flags;

export default class CreateSecretDockerRegistry extends ObjectCommand<typeof flags> {
  static override summary = 'Create a Secret for pulling images from a registry';
  static override usage = 'NAME --docker-server=SERVER --docker-username=USER --docker-password=PASSWORD';
  static override examples = [
    `slipway create secret docker-registry pull --from-file=${FILE}=$HOME/.docker/config.json`,
    'slipway create secret docker-registry pull --docker-server=registry.example --docker-username=me --docker-password=SECRET',
  ];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const data = this.flags['from-file'].length ? await this.fileData() : { [FILE]: this.login() };
    const resource = builtinResource('secrets');
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'kubernetes.io/dockerconfigjson', data };
    await this.report(resource, await this.create(resource, object), 'created');
  }

  private async fileData(): Promise<Record<string, string>> {
    const values = await readData({ literals: [], files: this.flags['from-file'], envFiles: [] });
    return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value.toString('base64')]));
  }

  private login(): string {
    const server = this.flags['docker-server'];
    const username = this.flags['docker-username'];
    const password = this.flags['docker-password'];
    const email = this.flags['docker-email'];
    if (!server || !username || !password)
      throw new CommandError(
        'either --from-file or the combination of --docker-username, --docker-password and --docker-server is required',
      );
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const entry = { username, password, ...(email ? { email } : {}), auth };
    return Buffer.from(JSON.stringify({ auths: { [server]: entry } })).toString('base64');
  }
}
