import { type KubeObject, pathOf } from '../../api/meta/object.ts';
import { durationMs } from '../args/duration.ts';
import type { Io } from '../io.ts';
import type { Pod } from './pods-of.ts';
import { builtinResource } from './resource-catalog.ts';
import { runRemote } from './run-remote.ts';
import type { Session } from './session.ts';
import { waitForObject } from './wait-for.ts';

const PODS = builtinResource('pods');

/** `run -it`: waits until the pod runs, attaches, answers the container's exit code, and removes the pod when told to. */
export const runAttached = async (
  session: Session,
  created: KubeObject,
  options: { io: Io; signal: AbortSignal; stdin: boolean; tty: boolean; remove: boolean; quiet: boolean; timeout: string },
): Promise<number> => {
  const { io, signal } = options;
  const target = { resource: PODS, namespace: created.metadata.namespace, name: created.metadata.name ?? '' };
  const path = pathOf(PODS, target);
  try {
    const begun = (object: KubeObject | undefined): boolean =>
      ['Running', 'Succeeded', 'Failed'].includes((object as Pod | undefined)?.status?.phase ?? '');
    const pod = (await waitForObject(session, target, begun, { timeoutMs: durationMs(options.timeout), signal })) as Pod;
    const container = pod.spec.containers[0]?.name ?? '';
    const logs = async (): Promise<string> =>
      String((await session.transport.send({ method: 'GET', path: `${path}/log`, query: { container }, accept: '*/*' })).body);
    // What it said before somebody listened.
    const before = await logs().catch(() => '');
    io.out(before);
    if (pod.status?.phase === 'Running') {
      if (options.stdin && !options.quiet) io.err("If you don't see a command prompt, try pressing enter.\n");
      try {
        await runRemote(session, pod, { kind: 'attach', container, stdin: options.stdin, tty: options.tty }, io);
      } catch (error) {
        // It has ended already: what it has said since is in its logs.
        if (!options.quiet)
          io.err(
            `warning: couldn't attach to pod/${target.name}, falling back to streaming logs: ${error instanceof Error ? error.message : error}\n`,
          );
        io.out((await logs()).slice(before.length));
      }
    }
    const ended = (object: KubeObject | undefined): boolean => object === undefined || exitCodeOf(object as Pod) !== undefined;
    if (created['spec'] && (created['spec'] as { restartPolicy?: string }).restartPolicy === 'Always') return 0;
    const last = await waitForObject(session, target, ended, { timeoutMs: 60_000, signal });
    return last ? (exitCodeOf(last as Pod) ?? 0) : 0;
  } finally {
    if (options.remove) {
      await session.transport.send({ method: 'DELETE', path, body: { kind: 'DeleteOptions', apiVersion: 'v1' } });
      if (!options.quiet) io.out(`pod "${target.name}" deleted${target.namespace ? ` from ${target.namespace} namespace` : ''}\n`);
    }
  }
};

const exitCodeOf = (pod: Pod): number | undefined => pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode;
