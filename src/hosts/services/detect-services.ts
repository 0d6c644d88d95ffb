import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { factsOf } from '../facts/host-facts.ts';
import type { Host, ServiceManager } from '../host.ts';
import { createRunitServices } from './runit-services.ts';
import { createSystemdServices } from './systemd-services.ts';

/** What a service manager needs of its host. */
export type ServiceHost = Pick<Host, 'name' | 'run' | 'readFile' | 'writeFile'>;

/** The service manager of a host: the one that is known already, or the one whose init runs there. */
export const detectServices = async (host: ServiceHost, known?: ServiceManager['kind']): Promise<ServiceManager> => {
  const kind = known ?? (await factsOf(host)).init;
  if (kind === 'systemd') return createSystemdServices(host);
  if (kind === 'runit') return createRunitServices(host);
  throw new SlipwayError('PREFLIGHT_FAILED', {
    tried: `manage services on ${host.name}`,
    cause: 'it runs neither systemd nor runit',
    advice: [`apt-get install runit   # on ${host.name}`],
  });
};
