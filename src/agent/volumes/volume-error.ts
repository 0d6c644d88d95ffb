/** A volume that cannot be made (yet): the message goes into the pod's FailedMount event. */
export class VolumeError extends Error {
  constructor(volume: string, reason: string) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${reason}`);
    this.name = 'VolumeError';
  }
}
