import type { Logger } from '../../../base/log/logger.ts';
import { type RunTool, ToolError } from '../run-tool.ts';

/** A UDP "connection" lives as long as packets flow, so a client would go on sending to a target that is gone: these entries go. */
export type StaleFlow =
  /** Translated to a target that takes no more traffic. */
  | { kind: 'target'; address: string; port: number }
  /** Not translated, because the service had no target when the client began. */
  | { kind: 'address'; address: string; port: number }
  | { kind: 'node-port'; port: number };

export const argumentsFor = (flow: StaleFlow): string[] => {
  switch (flow.kind) {
    case 'target':
      return ['-D', '-p', 'udp', '--dst-nat', flow.address, '--reply-port-src', String(flow.port)];
    case 'address':
      return ['-D', '-p', 'udp', '--orig-dst', flow.address, '--orig-port-dst', String(flow.port)];
    case 'node-port':
      return ['-D', '-p', 'udp', '--orig-port-dst', String(flow.port)];
  }
};

export const deleteFlows = async (flows: readonly StaleFlow[], run: RunTool, log: Logger): Promise<void> => {
  for (const flow of flows)
    await run('conntrack', argumentsFor(flow)).catch((error: unknown) => {
      // conntrack ends with 1 when no entry matched, which is the usual case.
      if (!(error instanceof ToolError && error.exitCode === 1)) log.warn('stale UDP flows could not be deleted', { flow, error });
    });
};

/** TCP connections to one address. */
export interface ConnectionCount {
  open: number;
  /** The first packet has been let through, and not been answered yet: it may be lost, and sent again. */
  opening: number;
}

/** Those to a pod, as this node's conntrack sees them: all traffic to a pod passes through its node. */
export const countConnections = async (address: string, run: RunTool): Promise<ConnectionCount> => {
  const listing = await run('conntrack', ['-L', '-p', 'tcp', '--reply-src', address]).catch((error: unknown) => {
    if (error instanceof ToolError && error.exitCode === 1) return '';
    throw error;
  });
  const count = (states: RegExp): number => listing.split('\n').filter((line) => states.test(line)).length;
  return { open: count(/ (ESTABLISHED|FIN_WAIT|CLOSE_WAIT) /), opening: count(/ (SYN_SENT|SYN_RECV) /) };
};
