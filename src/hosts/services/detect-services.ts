import { SlipwayError } from '../../base/errors/slipway-error.ts';
import type { Host, ServiceManager } from '../host.ts';
import { createRunitServices } from './runit-services.ts';
import { createSystemdServices } from './systemd-services.ts';

/** What a service manager needs of its host. */
export type ServiceHost = Pick<Host, 'name' | 'run' | 'readFile' | 'writeFile'>;

/** The service manager of a host: the one that is known already, or the one whose init runs there. */
export const detectServices = async (host: ServiceHost, known?: ServiceManager['kind']): Promise<ServiceManager> => {
  const kind = known ?? (await askForInit(host));
  return kind === 'systemd' ? createSystemdServices(host) : createRunitServices(host);
};

const askForInit = async (host: ServiceHost): Promise<ServiceManager['kind']> => {
  const script = 'if [ -d /run/systemd/system ]; then echo systemd; elif command -v sv > /dev/null; then echo runit; else echo none; fi';
  const { stdout } = await host.run(['sh', '-c', script]);
  const kind = stdout.trim();
  if (kind === 'systemd' || kind === 'runit') return kind;
  throw new SlipwayError('PREFLIGHT_FAILED', {
    tried: `manage services on ${host.name}`,
    cause: 'it runs neither systemd nor runit',
    advice: ['apt-get install runit'],
  });
};
