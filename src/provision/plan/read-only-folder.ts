import { type KubeconfigChange, wouldChangeKubeconfigFile } from '../../pki/kubeconfig-file.ts';
import { ClusterStateFolder } from '../state/cluster-state.ts';

/** The cluster's folder for a plan: reads are real, what would be written is told to `record`. */
export class ReadOnlyStateFolder extends ClusterStateFolder {
  readonly #record: (file: { name: string; exists: boolean }) => void;

  constructor(name: string, record: (file: { name: string; exists: boolean }) => void) {
    super(name);
    this.#record = record;
  }

  override async write(): Promise<void> {}

  override async remove(): Promise<void> {}

  override async writeFile(name: string, text: string): Promise<{ changed: boolean }> {
    const there = await this.readFile(name);
    if (there === text) return { changed: false };
    this.#record({ name, exists: there !== undefined });
    return { changed: true };
  }

  override async changeKubeconfig(change: KubeconfigChange): Promise<{ changed: boolean }> {
    const found = await wouldChangeKubeconfigFile(change);
    if (found.changed) this.#record({ name: found.path, exists: true });
    return { changed: found.changed };
  }
}
