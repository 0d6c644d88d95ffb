import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { isMounted } from './mount-points.ts';

const run = promisify(execFile);
/** Where the CRI keeps images. */
const NAMESPACE = 'k8s.io';

/**
 * Files of images as volumes. The CRI of containerd has mounts of images from 2.1 on only; containerd's own tool can do it in all
 * versions: a read-only view of the image's layers, named after the place where it is mounted.
 */
export class ImageMounts {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Shows a present image at `target`. Idempotent. */
  async mount(imageId: string, target: string): Promise<void> {
    await mkdir(target, { recursive: true, mode: 0o750 });
    if (!(await isMounted(target))) await this.#ctr('images', 'mount', imageId, target);
  }

  /** Lets go of what `mount` made; nothing happens where it made nothing. */
  async unmount(target: string): Promise<void> {
    await this.#ctr('images', 'unmount', '--rm', target).catch(() => {
      // Not mounted any more: the view ends with its lease, a day after it was made.
    });
  }

  async #ctr(...args: string[]): Promise<void> {
    await run('ctr', ['--address', this.#socket, '--namespace', NAMESPACE, ...args], { timeout: 60_000 });
  }
}
