import { type KubeObject, pathOf } from '../../api/meta/object.ts';
import { isNotFound } from '../../api/meta/status.ts';
import { CommandError } from '../errors.ts';
import type { ObjectInfo } from '../object-command.ts';
import { changes } from './get-watch.ts';
import type { Session } from './session.ts';

export interface WaitOptions {
  timeoutMs: number;
  signal: AbortSignal;
}

/** Until `done` says so of the object (undefined: it is gone). Throws CommandError with kubectl's words when time is over. */
export const waitForObject = async (
  session: Session,
  info: Pick<ObjectInfo, 'resource' | 'namespace' | 'name'>,
  done: (object: KubeObject | undefined) => boolean,
  options: WaitOptions,
): Promise<KubeObject | undefined> => {
  const { resource, namespace, name } = info;
  const timer = AbortSignal.timeout(Math.max(1, Math.min(options.timeoutMs, 2 ** 31 - 1)));
  const signal = AbortSignal.any([timer, options.signal]);
  const scoped = { ...session, namespace: namespace ?? session.namespace };
  const late = (): CommandError => new CommandError(`timed out waiting for the condition on ${resource.plural}/${name}`);
  try {
    while (!signal.aborted) {
      const current = await session.transport
        .send({ method: 'GET', path: pathOf(resource, { namespace, name }), signal })
        .then(({ body }) => body as KubeObject)
        .catch((error: unknown) => {
          if (isNotFound(error)) return undefined;
          throw error;
        });
      if (done(current)) return current;
      // An object that is not there yet has no version to go on from: the watch begins with what is there.
      const resourceVersion = current?.metadata.resourceVersion ?? '';
      for await (const event of changes(scoped, { resource, name }, { signal }, { resourceVersion })) {
        const object = event.type === 'DELETED' ? undefined : event.object;
        if (done(object)) return object;
      }
    }
  } catch (error) {
    if (!timer.aborted) throw error;
  }
  options.signal.throwIfAborted();
  throw late();
};

/** Until none of these objects (by uid) is there any more. */
export const waitForDeletion = async (session: Session, infos: readonly ObjectInfo[], options: WaitOptions): Promise<void> => {
  for (const info of infos) {
    const { uid } = info.object.metadata;
    await waitForObject(session, info, (object) => object === undefined || (uid !== undefined && object.metadata.uid !== uid), options);
  }
};
