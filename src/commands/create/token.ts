import { pathOf } from '../../api/meta/object.ts';
import { StatusError } from '../../api/meta/status.ts';
import { durationMs } from '../../cli/args/duration.ts';
import { type Flags, listFlag, textFlag } from '../../cli/args/flags.ts';
import { CommandError, UsageError } from '../../cli/errors.ts';
import { builtinResource } from '../../cli/kube/resource-catalog.ts';
import { KubeCommand } from '../../cli/kube-command.ts';
import { renderObject } from '../../cli/output/render-object.ts';

const flags = {
  audience: listFlag('Who is to accept it [the API server]'),
  duration: textFlag('How long it is to be valid [the server decides]', { default: '0s' }),
  'bound-object-kind': textFlag('It ends with this object: Pod, Secret or Node', { options: ['Pod', 'Secret', 'Node'] }),
  'bound-object-name': textFlag('Name of that object'),
  'bound-object-uid': textFlag('UID of that object'),
  output: textFlag('Output format: json or yaml', { char: 'o', options: ['json', 'yaml'] }),
} as const satisfies Flags;

export default class CreateToken extends KubeCommand<typeof flags> {
  static override summary = 'Get a token of a service account';
  static override usage = 'SERVICE_ACCOUNT [flags]';
  static override examples = ['slipway create token robot --duration=1h'];
  static override flags = flags;

  async run(): Promise<void> {
    const name = this.args[0];
    if (!name) throw new UsageError('exactly one NAME is required, got 0');
    const { audience, output, 'bound-object-kind': kind, 'bound-object-name': boundName, 'bound-object-uid': uid } = this.flags;
    const seconds = durationMs(this.flags.duration) / 1000;
    if (seconds < 0) throw new CommandError('--duration must be greater than or equal to 0');
    if (!Number.isInteger(seconds)) throw new CommandError('--duration cannot be expressed in units less than seconds');
    if (kind && !boundName) throw new CommandError('--bound-object-name is required if --bound-object-kind is provided');
    if (!kind && (boundName || uid))
      throw new CommandError(`--bound-object-${boundName ? 'name' : 'uid'} can only be set if --bound-object-kind is provided`);
    const spec = {
      audiences: audience,
      ...(seconds > 0 ? { expirationSeconds: seconds } : {}),
      ...(kind ? { boundObjectRef: { apiVersion: 'v1', kind, name: boundName, ...(uid ? { uid } : {}) } } : {}),
    };
    const { namespace } = await this.session();
    const path = pathOf(builtinResource('serviceaccounts'), { namespace, name, subresource: 'token' });
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec };
    try {
      const answer = await this.send<{ status?: { token?: string } }>({ method: 'POST', path, body });
      if (!answer.status?.token) throw new CommandError('failed to create token: no token in server response');
      this.io.out(output === 'json' || output === 'yaml' ? renderObject(answer, output) : `${answer.status.token}\n`);
    } catch (error) {
      if (error instanceof StatusError) throw new CommandError(`failed to create token: ${error.message}`, { cause: error });
      throw error;
    }
  }
}
