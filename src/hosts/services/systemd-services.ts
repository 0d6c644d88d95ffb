import { renderTemplate } from '../../base/templates/template.ts';
import type { ServiceManager, ServiceUnit } from '../host.ts';
import type { ServiceHost } from './detect-services.ts';

/** Units in /etc/systemd/system, logs in the journal. */
export const createSystemdServices = (host: ServiceHost): ServiceManager => {
  const systemctl = (...args: string[]) => host.run(['systemctl', ...args]);
  return {
    kind: 'systemd',
    install: async (service) => {
      const result = await host.writeFile(unitPath(service.name), unitText(service), { mode: 0o644 });
      if (result.changed) await systemctl('daemon-reload');
      const enabled = await host.run(['systemctl', 'is-enabled', '--quiet', service.name], { check: false, readOnly: true });
      if (enabled.exitCode !== 0) await systemctl('enable', '--quiet', service.name);
      return result;
    },
    start: async (name) => void (await systemctl('start', name)),
    restart: async (name) => void (await systemctl('restart', name)),
    stop: async (name) => {
      if ((await host.readFile(unitPath(name))) !== undefined) await systemctl('stop', name);
    },
    remove: async (name) => {
      if ((await host.readFile(unitPath(name))) === undefined) return;
      await systemctl('disable', '--now', '--quiet', name);
      await host.run(['rm', '-f', unitPath(name)]);
      await systemctl('daemon-reload');
      await host.run(['systemctl', 'reset-failed', name], { check: false });
    },
    status: async (name) => {
      if ((await host.readFile(unitPath(name))) === undefined) return 'absent';
      const { stdout } = await host.run(['systemctl', 'show', '--property', 'ActiveState', '--property', 'SubState', name], {
        check: false,
      });
      return stateIn(stdout);
    },
    logLines: async (name, count) => {
      const { stdout } = await host.run(['journalctl', '--unit', name, '--lines', String(count), '--output', 'cat', '--no-pager'], {
        check: false,
      });
      return stdout.split('\n').filter((line) => line !== '');
    },
    readLog: async (name, { cursor, sinceSeconds }) => {
      const from = cursor ? ['--after-cursor', cursor] : sinceSeconds === undefined ? [] : ['--since', `-${Math.ceil(sinceSeconds)}s`];
      const options = ['--unit', name, '--output', 'cat', '--no-pager', '--quiet', '--show-cursor', ...from];
      const { stdout } = await host.run(['journalctl', ...options], { check: false });
      const lines = stdout.split('\n').filter((line) => line !== '');
      const last = /^-- cursor: (.*)$/.exec(lines.at(-1) ?? '')?.[1];
      // Nothing new: the old one stays good.
      return last ? { lines: lines.slice(0, -1), cursor: last } : { lines, cursor: cursor ?? '' };
    },
  };
};

const STATES: Record<string, 'running' | 'stopped' | 'failed'> = {
  active: 'running',
  activating: 'running',
  reloading: 'running',
  failed: 'failed',
};

/** From `systemctl show`. A program that has ended and is about to be started again counts as failed: it ran, and should. */
export const stateIn = (shown: string): 'running' | 'stopped' | 'failed' => {
  const value = (property: string): string => new RegExp(`^${property}=(.*)$`, 'm').exec(shown)?.[1] ?? '';
  return value('SubState').startsWith('auto-restart') ? 'failed' : (STATES[value('ActiveState')] ?? 'stopped');
};

const unitPath = (name: string): string => `/etc/systemd/system/${name}.service`;

export const unitText = (service: ServiceUnit): string =>
  renderTemplate('systemd/service', {
    description: service.description,
    after: ['network-online.target', ...(service.after ?? []).map((name) => `${name}.service`)].join(' '),
    wants: 'network-online.target',
    command: service.command.map(unitQuote).join(' '),
    environment: Object.entries(service.env ?? {}).map(([name, value]) => unitQuote(`${name}=${value}`)),
  });

/** systemd expands `%` and `$` and splits at spaces unless told otherwise. */
const unitQuote = (word: string): string => {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$').replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return /[\s"']/.test(word) || word === '' ? `"${escaped}"` : escaped;
};
