import { IPV4_ADDRESS } from '../../base/net/ipv4-forms.ts';
import { SSH_TARGET, SSH_TARGETS } from '../../hosts/ssh/ssh-target.ts';
import type { DriverDescriptor } from '../driver.ts';

export const sshDriver: DriverDescriptor = {
  name: 'ssh',
  summary: 'hosts that you have, reached over SSH',
  settings: [
    { name: 'host', scope: 'node', type: 'string', form: SSH_TARGET, description: 'user@address:port, or a name of ~/.ssh/config' },
    {
      name: 'address',
      scope: 'node',
      type: 'string',
      form: IPV4_ADDRESS,
      description: "Address on the nodes' network, where SSH uses another",
    },
    { name: 'identityFile', scope: 'pool', type: 'string', description: 'Private key for the hosts [those of the agent, then ~/.ssh]' },
    {
      name: 'jumpHost',
      scope: 'pool',
      type: 'string',
      form: SSH_TARGETS,
      description: 'Reach the hosts through this one, or several with commas: user@address:port',
    },
    { name: 'sudoPasswordFile', scope: 'pool', type: 'string', description: 'File of mode 0600 with the password that sudo asks for' },
  ],
  load: async (options) => (await import('./ssh-driver.ts')).createSshDriver(options),
};
