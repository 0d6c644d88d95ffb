import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type AgentConfig, SINCE_ANNOTATION } from '../../api/config/agent-config.ts';
import { node as nodeKind } from '../../api/core/node.ts';
import { isNotFound } from '../../api/meta/status.ts';
import type { Node } from '../../api/types/core-v1.ts';
import type { Logger } from '../../base/log/logger.ts';
import type { Client } from '../../client/client.ts';
import { type CriClient, createCriClient } from '../cri/cri-client.ts';

const AGAIN_MS = 5000;

/** Whether another machine has become this node since ours was made it: ours, which was lost and is back, gives way. */
export const isSucceeded = (node: Node, { nodeSince }: Pick<AgentConfig, 'nodeSince'>): boolean =>
  (node.metadata?.annotations?.[SINCE_ANNOTATION] ?? '') > (nodeSince ?? '');

const markOf = (rootDir: string): string => join(rootDir, 'given-up');

/** From its next start on the agent waits in `untilOurs`. */
export const giveUpNode = ({ rootDir }: Pick<AgentConfig, 'rootDir'>): Promise<void> => writeFile(markOf(rootDir), '');

/**
 * Returns at once where the node was never given up. Else removes what still runs of its pods, which run elsewhere by now, and waits: until the
 * node is free, or the installer has made this machine the node again, with a configuration that says so.
 */
export const untilOurs = async ({ config, client, log }: { config: AgentConfig; client: Client; log: Logger }): Promise<void> => {
  const mark = markOf(config.rootDir);
  if (!existsSync(mark)) return;
  log.error('another machine is this node now: its pods are removed here, and nothing is run', { mend: 'slipway node reset HOST --force' });
  const cri = createCriClient(config.containerRuntimeSocket);
  for (;;) {
    const isOurs = await client.get<Node>(nodeKind, { name: config.nodeName }).then(
      (node) => !isSucceeded(node, config),
      // Of an API that is not reached nothing is known.
      (error: unknown) => isNotFound(error),
    );
    if (isOurs) break;
    await removePods(cri, log);
    await delay(AGAIN_MS);
  }
  cri.close();
  await rm(mark, { force: true });
};

const removePods = async (cri: CriClient, log: Logger): Promise<void> => {
  try {
    for (const { id, metadata } of (await cri.listPodSandbox({})).items) {
      await cri.stopPodSandbox({ podSandboxId: id });
      await cri.removePodSandbox({ podSandboxId: id });
      log.info('pod removed', { pod: metadata?.name, namespace: metadata?.namespace });
    }
  } catch (error) {
    log.warn('pods could not be removed', { error });
  }
};
