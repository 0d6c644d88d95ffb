import type { Container, PodSpec } from '../../api/types/core-v1.ts';

/** An init container that runs beside the others for the pod's whole life. */
export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

/** Whether a container that ended with this code is to be started again. Rules of the container stand above its policy, that above the pod's. */
export const shouldRestart = (spec: PodSpec, container: Container, exitCode: number): boolean => {
  for (const rule of container.restartPolicyRules ?? []) {
    const values = rule.exitCodes?.values ?? [];
    const matches = rule.exitCodes?.operator === 'NotIn' ? !values.includes(exitCode) : values.includes(exitCode);
    if (rule.action === 'Restart' && matches) return true;
  }
  const isInit = spec.initContainers?.some(({ name }) => name === container.name) ?? false;
  // A plain init container under `Always` is repeated only when it failed.
  const policy = container.restartPolicy ?? (isInit && spec.restartPolicy === 'Always' ? 'OnFailure' : spec.restartPolicy) ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
};
