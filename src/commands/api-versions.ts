import { KubeCommand } from '../cli/kube-command.ts';

export default class ApiVersions extends KubeCommand {
  static override summary = 'The API versions that the server has';
  static override examples = ['slipway api-versions'];

  async run(): Promise<void> {
    const resources = await (await this.session()).resources.all();
    const versions = new Set(resources.map(({ group, version }) => (group ? `${group}/${version}` : version)));
    this.io.out(
      [...versions]
        .sort()
        .map((version) => `${version}\n`)
        .join(''),
    );
  }
}
