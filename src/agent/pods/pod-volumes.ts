import type { Stored } from '../../api/meta/object.ts';
import type { Pod, Volume } from '../../api/types/core-v1.ts';
import type { VolumePaths } from '../volumes/volume-manager.ts';
import type { PodContext } from './pod-context.ts';

/** Tokens near their end are renewed by then; what is watched follows at once. */
const REFRESH_MS = 60_000;

/** The volumes of one pod: mounted once, and followed while it runs. */
export class PodVolumes {
  readonly #context: PodContext;
  #paths: VolumePaths | undefined;
  #dueAt = 0;
  #seen: Stored<Pod> | undefined;

  constructor(context: PodContext) {
    this.#context = context;
  }

  /** An object that they show has changed. */
  expire(): void {
    this.#dueAt = 0;
  }

  /** The paths as mounted by this agent, or mounted now. */
  async paths(pod: Stored<Pod>): Promise<VolumePaths> {
    return this.#paths ?? this.mount(pod);
  }

  async mount(pod: Stored<Pod>): Promise<VolumePaths> {
    const { volumes, events, now } = this.#context;
    try {
      this.#paths = await volumes.mount(pod);
      this.#dueAt = now() + REFRESH_MS;
      this.#seen = pod;
      return this.#paths;
    } catch (error) {
      events.record(pod, 'Warning', 'FailedMount', error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /**
   * Files of the API's objects follow them. Answers when this is due again, undefined when never. After the agent was restarted the
   * volumes of a running pod are taken up here.
   */
  async follow(pod: Stored<Pod>): Promise<number | undefined> {
    const { volumes, now } = this.#context;
    const all = pod.spec?.volumes ?? [];
    if (!all.some(followsApi)) return undefined;
    if (!this.#paths) await this.mount(pod);
    const isOtherPod = all.some(showsPod) && this.#seen !== pod;
    if (isOtherPod || now() >= this.#dueAt) {
      this.#dueAt = now() + REFRESH_MS;
      this.#seen = pod;
      await volumes.refresh(pod);
    }
    // It may have been called for again meanwhile.
    return Math.max(0, this.#dueAt - now());
  }
}

const followsApi = ({ configMap, secret, projected, downwardAPI }: Volume): boolean =>
  Boolean(configMap ?? secret ?? projected ?? downwardAPI);

const showsPod = ({ downwardAPI, projected }: Volume): boolean =>
  Boolean(downwardAPI ?? projected?.sources?.some((source) => source.downwardAPI));
