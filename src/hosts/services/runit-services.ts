import { SlipwayError } from '../../base/errors/slipway-error.ts';
import { renderTemplate, shellQuote } from '../../base/templates/template.ts';
import type { ServiceManager, ServiceUnit } from '../host.ts';
import type { ServiceHost } from './detect-services.ts';
import { linesSince } from './line-time.ts';

/** Definitions that survive a restart of the machine; its init copies them to where they run. */
export const RUNIT_DEFINITIONS = '/etc/slipway/services';
/** A pipe that the init of a sandbox reads: a name written to it is supervised from then on (templates/local/node-init.hbs). */
export const RUNIT_CALL = '/run/slipway-init/call';
const SANDBOX_SERVICES = '/run/slipway-init/services';
const MACHINE_SERVICES = '/etc/service';

/**
 * Services under runit: in a sandbox, whose own init supervises at once whatever is named to it, and on machines that run Debian's
 * runit, where runsvdir looks into /etc/service every five seconds. Logs are kept by svlogd in /var/log/slipway/NAME.
 */
export const createRunitServices = (host: ServiceHost): ServiceManager => {
  const shell = (script: string, check = true) => host.run(['sh', '-c', script], { check });
  const control = async (name: string, verb: string): Promise<void> => {
    const { exitCode, stdout } = await shell(`${FIND_SERVICE}\nfind_service ${shellQuote(name)} && sv -w 20 ${verb} "$at"`, false);
    if (exitCode === 0) return;
    throw new SlipwayError('COMMAND_FAILED', { tried: `${verb} ${name} on ${host.name}`, cause: stdout.trim() || 'no such service' });
  };
  return {
    kind: 'runit',
    install: async (service) => {
      const folder = `${RUNIT_DEFINITIONS}/${service.name}`;
      const results = await Promise.all([
        host.writeFile(`${folder}/run`, runText(service), { mode: 0o755 }),
        host.writeFile(`${folder}/log/run`, logText(service.name), { mode: 0o755 }),
      ]);
      return { changed: results.some((result) => result.changed) };
    },
    start: async (name) => void (await shell(startScript(name))),
    restart: async (name) => {
      await shell(startScript(name));
      await control(name, 'restart');
    },
    stop: async (name) => {
      await shell(`${FIND_SERVICE}\nfind_service ${shellQuote(name)} || exit 0\nsv -w 20 force-stop "$at"`);
    },
    remove: async (name) => void (await shell(removeScript(name))),
    status: async (name) => {
      const { stdout } = await shell(
        `${FIND_SERVICE}\nfind_service ${shellQuote(name)} || { [ -d ${RUNIT_DEFINITIONS}/${shellQuote(name)} ] && echo down; exit 0; }\nsv status "$at"`,
        false,
      );
      if (stdout.trim() === '') return 'absent';
      return stdout.startsWith('run:') ? 'running' : stdout.includes('want up') ? 'failed' : 'stopped';
    },
    logLines: async (name, count) => {
      const { stdout } = await host.run(['tail', '-n', String(count), `/var/log/slipway/${name}/current`], { check: false });
      return stdout.split('\n').filter((line) => line !== '');
    },
    readLog: async (name, { cursor, sinceSeconds }) => {
      const { stdout } = await shell(readScript(name, cursor), false);
      const [head = '', ...rest] = stdout.split('\n');
      const [inode = '', size = '', now = ''] = head.split(' ');
      // A line that is being written is read whole the next time.
      const begun = rest.pop() ?? '';
      const lines = rest.filter((line) => line !== '');
      return {
        lines: sinceSeconds === undefined ? lines : linesSince(lines, Number(now) - sinceSeconds),
        cursor: inode && `${inode}:${Number(size) - Buffer.byteLength(begun)}`,
      };
    },
  };
};

/**
 * A cursor is `INODE:SIZE` of the file that svlogd writes, which it renames when it is full: what was cut off is read from where it is now. The first
 * line of the answer has the file's inode and size, and the host's clock.
 */
const readScript = (name: string, cursor = ''): string =>
  `cd ${shellQuote(`/var/log/slipway/${name}`)} 2> /dev/null || exit 0
set -- $(stat -c '%i %s' current)
echo "$1 $2 $(date +%s)"
from=${shellQuote(cursor)}
if [ -z "$from" ]; then { for old in @*; do [ -f "$old" ] && cat "$old"; done; head -c $2 current; } | tail -c 16000000
elif [ "\${from%:*}" = $1 ]; then tail -c +$((\${from#*:} + 1)) current | head -c $(($2 - \${from#*:}))
else { old=$(find . -inum "\${from%:*}"); [ -z "$old" ] || tail -c +$((\${from#*:} + 1)) "$old"; head -c $2 current; } | tail -c 16000000
fi`;

export const runText = (service: ServiceUnit): string =>
  renderTemplate('runit/run', {
    description: service.description,
    environment: Object.entries(service.env ?? {}).map(([name, value]) => `${name}=${shellQuote(value)}`),
    command: service.command.map(shellQuote).join(' '),
  });

const logText = (name: string): string => renderTemplate('runit/log', { directory: `/var/log/slipway/${name}` });

const FIND_SERVICE = `find_service() {
  for at in ${SANDBOX_SERVICES}/"$1" ${MACHINE_SERVICES}/"$1"; do [ -p "$at/supervise/ok" ] && return 0; done
  return 1
}`;

/** Brings the running copy up to date, has it supervised when it is not yet, and wants it up. */
const startScript = (name: string): string => `set -e
${FIND_SERVICE}
name=${shellQuote(name)} from=${RUNIT_DEFINITIONS}/$name said=
if [ -p ${RUNIT_CALL} ]; then
  to=${SANDBOX_SERVICES}/$name
  if [ -d $to ]; then cp -f $from/run $to/.run; mv $to/.run $to/run
  else rm -rf ${SANDBOX_SERVICES}/.$name; cp -a $from ${SANDBOX_SERVICES}/.$name; mv ${SANDBOX_SERVICES}/.$name $to; fi
  find_service $name || echo $name > ${RUNIT_CALL}
else
  mkdir -p ${MACHINE_SERVICES}; ln -sfn $from ${MACHINE_SERVICES}/$name
fi
tries=0
# A runsv that has just begun has made its pipe, but does not listen yet.
until find_service $name && said=$(sv up "$at"); do
  tries=$((tries + 1)); [ $tries -lt 500 ] || { echo "runit does not take up $name: $said" >&2; exit 1; }
  sleep 0.02
done`;

const removeScript = (name: string): string => `${FIND_SERVICE}
name=${shellQuote(name)}
if find_service $name; then
  sv -w 20 force-shutdown "$at" > /dev/null
fi
rm -rf ${RUNIT_DEFINITIONS}/$name ${SANDBOX_SERVICES}/$name ${MACHINE_SERVICES}/$name /var/log/slipway/$name`;
