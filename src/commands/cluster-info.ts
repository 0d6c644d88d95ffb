import { KubeCommand } from '../cli/kube-command.ts';

export default class ClusterInfo extends KubeCommand {
  static override summary = 'Where the control plane answers';
  static override examples = ['slipway cluster-info'];

  async run(): Promise<void> {
    const session = await this.session();
    // Asked, so that the line is true.
    await session.transport.send({ method: 'GET', path: '/version' });
    this.io.out(`Kubernetes control plane is running at ${session.endpoint.server}\n`);
    const { body } = await session.transport.send({
      method: 'GET',
      path: '/api/v1/services',
      query: { labelSelector: 'kubernetes.io/cluster-service=true' },
    });
    for (const { metadata } of (body as { items: { metadata: { name: string; namespace: string; labels?: Record<string, string> } }[] })
      .items) {
      const name = metadata.labels?.['kubernetes.io/name'] ?? metadata.name;
      this.io.out(
        `${name} is running at ${session.endpoint.server}/api/v1/namespaces/${metadata.namespace}/services/${metadata.name}/proxy\n`,
      );
    }
  }
}
