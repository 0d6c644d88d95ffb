import { type KubeObject, pathOf } from '../api/meta/object.ts';
import { hasReason, isNotFound } from '../api/meta/status.ts';
import { durationMs } from '../cli/args/duration.ts';
import { booleanFlag, type Flags, integerFlag, textFlag } from '../cli/args/flags.ts';
import { CommandError, UsageError } from '../cli/errors.ts';
import { fetchObjects } from '../cli/kube/fetch.ts';
import { DRY_RUN_FLAG } from '../cli/kube/object-flags.ts';
import { builtinResource } from '../cli/kube/resource-catalog.ts';
import { waitForDeletion } from '../cli/kube/wait-for.ts';
import { ObjectCommand } from '../cli/object-command.ts';

const flags = {
  'dry-run': DRY_RUN_FLAG,
  selector: textFlag('Nodes with these labels', { char: 'l' }),
  'pod-selector': textFlag('Only pods with these labels'),
  'ignore-daemonsets': booleanFlag('Leave pods of DaemonSets'),
  'delete-emptydir-data': booleanFlag('Also pods whose emptyDir data is lost'),
  force: booleanFlag('Also pods that no controller makes again'),
  'grace-period': integerFlag('Seconds to end in order; -1: what the pod says', { default: -1 }),
  timeout: textFlag('How long to wait (0: as long as it takes)', { default: '0s' }),
  'disable-eviction': booleanFlag('Delete instead of evicting: passes by disruption budgets'),
} as const satisfies Flags;

const PODS = builtinResource('pods');
const RETRY_MS = 5000;

export default class Drain extends ObjectCommand<typeof flags> {
  static override summary = 'Empty a node for maintenance';
  static override usage = 'NODE... [flags]';
  static override examples = ['slipway drain demo-2 --ignore-daemonsets'];
  static override flags = flags;

  async run(): Promise<void> {
    if (!this.args.length && !this.flags.selector) throw new UsageError('USAGE: drain NODE [flags]');
    const deadline = Date.now() + (durationMs(this.flags.timeout) || 7 * 24 * 3600 * 1000);
    for (const info of await this.objects(['nodes', ...this.args])) {
      const { unschedulable = false } = info.object['spec'] as { unschedulable?: boolean };
      if (!unschedulable && this.dryRun !== 'client') await this.patch(info, { spec: { unschedulable: true } });
      await this.report(info.resource, info.object, unschedulable ? 'already cordoned' : 'cordoned');
      const pods = await this.podsToEvict(info.name);
      for (const pod of pods) await this.evict(pod, deadline);
      const infos = pods.map((pod) => this.info(PODS, pod));
      if (this.dryRun === 'none')
        await waitForDeletion(await this.session(), infos, { timeoutMs: Math.max(1, deadline - Date.now()), signal: this.signal });
      await this.report(info.resource, info.object, 'drained');
    }
  }

  private async podsToEvict(node: string): Promise<KubeObject[]> {
    const pods = await fetchObjects(
      await this.session(),
      { resource: PODS },
      {
        allNamespaces: true,
        fieldSelector: `spec.nodeName=${node}`,
        ...(this.flags['pod-selector'] ? { labelSelector: this.flags['pod-selector'] } : {}),
      },
    );
    const problems = new Map<string, string[]>();
    const problem = (why: string, pod: KubeObject): void =>
      void problems.set(why, [...(problems.get(why) ?? []), `${pod.metadata.namespace}/${pod.metadata.name}`]);
    const ignored: string[] = [];
    const chosen = pods.filter((pod) => {
      const owner = pod.metadata.ownerReferences?.find((reference) => reference.controller);
      const finished = ['Succeeded', 'Failed'].includes((pod['status'] as { phase?: string } | undefined)?.phase ?? '');
      if (pod.metadata.annotations?.['kubernetes.io/config.mirror']) return false;
      if (owner?.kind === 'DaemonSet' && !finished) {
        if (this.flags['ignore-daemonsets']) ignored.push(`${pod.metadata.namespace}/${pod.metadata.name}`);
        else problem('cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)', pod);
        return false;
      }
      const { volumes = [] } = pod['spec'] as { volumes?: { emptyDir?: unknown }[] };
      if (volumes.some((volume) => volume.emptyDir) && !this.flags['delete-emptydir-data'] && !finished)
        problem('cannot delete Pods with local storage (use --delete-emptydir-data to override)', pod);
      if (!owner && !this.flags.force && !finished) problem('cannot delete Pods that declare no controller (use --force to override)', pod);
      return true;
    });
    if (problems.size)
      throw new CommandError(
        `unable to drain node "${node}": ${[...problems].map(([why, names]) => `${why}: ${names.join(', ')}`).join(', ')}`,
      );
    if (ignored.length) this.io.err(`Warning: ignoring DaemonSet-managed Pods: ${ignored.join(', ')}\n`);
    return chosen;
  }

  private async evict(pod: KubeObject, deadline: number): Promise<void> {
    const { namespace, name } = pod.metadata;
    this.io.out(`evicting pod ${namespace}/${name}${this.suffix()}\n`);
    if (this.dryRun !== 'none') return;
    const grace = this.flags['grace-period'];
    const deleteOptions = grace >= 0 ? { gracePeriodSeconds: grace } : {};
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace }, deleteOptions };
    for (;;) {
      try {
        if (this.flags['disable-eviction'])
          await this.send({
            method: 'DELETE',
            path: pathOf(PODS, { namespace, name }),
            body: { kind: 'DeleteOptions', apiVersion: 'v1', ...deleteOptions },
          });
        else await this.send({ method: 'POST', path: pathOf(PODS, { namespace, name, subresource: 'eviction' }), body: eviction });
        return;
      } catch (error) {
        if (isNotFound(error)) return;
        // A disruption budget says not now: asked again until the time is over.
        if (!hasReason(error, 'TooManyRequests') || Date.now() > deadline || this.signal.aborted) throw error;
        this.io.err(`error when evicting pods/"${name}" -n "${namespace}" (will retry after 5s): ${error.message}\n`);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}
