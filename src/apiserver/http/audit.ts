import type { RequestContext } from './request-handler.ts';

/** One moment of a request that an audit log may record. `started` is a `performance.now()`. Called synchronously: it must not wait. */
export interface AuditMoment {
  readonly stage: 'RequestReceived' | 'ResponseComplete';
  readonly context: RequestContext;
  readonly started: number;
}

export type AuditSink = (moment: AuditMoment) => void;
