import type { Host, ServiceUnit } from '../../hosts/host.ts';

/** Lays down a service and has it run with what is laid down now: started, or restarted when it or its configuration changed. */
export const layService = async (host: Host, options: { unit: ServiceUnit; configChanged: boolean }): Promise<{ changed: boolean }> => {
  const { unit, configChanged } = options;
  // A definition that is laid down does not change what runs.
  const [before, laid] = await Promise.all([host.services.status(unit.name), host.services.install(unit)]);
  const differs = laid.changed || configChanged;
  if (before === 'running' && !differs) return { changed: false };
  if (before === 'running' || before === 'failed') await host.services.restart(unit.name);
  else await host.services.start(unit.name);
  return { changed: true };
};
