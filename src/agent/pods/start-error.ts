/** Why a container is not running, in the words that stand in `state.waiting`. */
export class StartError extends Error {
  readonly reason: StartErrorReason;

  constructor(reason: StartErrorReason, message: string) {
    super(message);
    this.name = 'StartError';
    this.reason = reason;
  }
}

export type StartErrorReason =
  | 'CreateContainerConfigError'
  | 'CreateContainerError'
  | 'RunContainerError'
  | 'PostStartHookError'
  | 'CrashLoopBackOff'
  | 'ErrImagePull'
  | 'ImagePullBackOff'
  | 'ErrImageNeverPull'
  | 'InvalidImageName'
  | 'ImageInspectError';
