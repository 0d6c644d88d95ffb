import type { KubeObject } from '../../api/meta/object.ts';
import type { Node } from '../../api/types/core-v1.ts';
import type { AdmissionPlugin } from './admission.ts';

const TAINT = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;

/** A new node takes no pods until its controller has seen it Ready. */
export const createTaintNewNodes = (): AdmissionPlugin => ({
  name: 'TaintNodesByCondition',
  resources: ['/nodes'],
  admit(request) {
    if (request.operation !== 'CREATE' || request.subresource !== '' || !request.object) return;
    const node = request.object as KubeObject & Node;
    node.spec ??= {};
    if (node.spec.taints?.some(({ key, effect }) => key === TAINT.key && effect === TAINT.effect)) return;
    node.spec.taints = [...(node.spec.taints ?? []), { ...TAINT }];
  },
});
