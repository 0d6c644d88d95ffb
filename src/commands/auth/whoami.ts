import type { Flags } from '../../cli/args/flags.ts';
import { KubeCommand } from '../../cli/kube-command.ts';
import { renderRows } from '../../cli/output/text-table.ts';

const flags = {} as const satisfies Flags;

export default class WhoAmI extends KubeCommand<typeof flags> {
  static override summary = 'Who the server takes you for';
  static override examples = ['slipway auth whoami'];
  static override flags = flags;

  async run(): Promise<void> {
    const review = await this.send<{ metadata: object; status: { userInfo: { username?: string; groups?: string[] } } }>({
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} },
    });
    const { username = '', groups = [] } = review.status.userInfo;
    this.io.out(
      renderRows([
        ['ATTRIBUTE', 'VALUE'],
        ['Username', username],
        ['Groups', `[${groups.join(' ')}]`],
      ]),
    );
  }
}
