import type { Driver } from '../../drivers/driver.ts';
import type { ClusterContext } from '../cluster-context.ts';
import { machineSpec } from '../cluster-drivers.ts';
import { allDone } from '../combine-errors.ts';
import type { NodeSpec } from '../spec/cluster-spec.ts';
import { machineEntry, openJournal } from '../state/cluster-journal.ts';
import type { Step } from './step.ts';

/** Makes, or starts, the machines of all nodes at once. Their names stand in the saved state before the first one is made. */
export const machines: Step<ClusterContext> = {
  name: 'machines',
  title: 'Making machines',
  apply: async (context, report) => {
    const { drivers, spec, signal } = context;
    const there = new Map((await drivers.list()).map(({ machine }) => [machine.name, machine]));
    const addresses: Record<string, string> = {};
    // All have ended before one failure is told: taking back must not meet a machine that is still being made.
    await allDone(
      `make the machines of ${spec.name}`,
      spec.nodes.map(async (node) => {
        const driver = await drivers.of(node);
        const machine = await driver.create(machineSpec(spec, node), { signal, progress: report });
        context.machines.set(node.name, machine);
        // Whether a host is the node that it is said to be is seen later.
        if (!driver.keepsMachines) addresses[node.name] = machine.address;
        if (there.get(node.name)?.state === 'stopped') context.woken.add(node.name);
        const host = await driver.connect(machine);
        context.hosts.set(node.name, host);
        context.close.push(() => host.close());
      }),
    );
    context.state = { ...context.state, addresses: { ...context.state.addresses, ...addresses } };
    await context.folder.write(context.state);
    return { changed: spec.nodes.some((node) => there.get(node.name)?.state !== 'running') };
  },
  undo: async (context) => {
    const { drivers, spec, state, newNodes } = context;
    const entries = await openJournal(context.folder.path).entries();
    const kept: NodeSpec[] = [];
    const made: { driver: Driver; name: string }[] = [];
    for (const node of state.spec.nodes) {
      const driver = await drivers.of(node);
      if (!newNodes.includes(node.name)) await driver.takeBack?.({ cluster: spec.name, name: node.name });
      // What an earlier run has laid down on a host that this one has not reached, `down` takes off.
      const isForDown = driver.keepsMachines && !spec.nodes.some(({ name }) => name === node.name);
      if (!newNodes.includes(node.name) || isForDown) kept.push(node);
      // One that stands in no journal of ours was there before, and is somebody else's.
      else if (machineEntry(entries, node)) made.push({ driver, name: node.name });
    }
    await allDone(
      `remove the machines of ${spec.name}`,
      made.map(({ driver, name }) => driver.destroy({ cluster: spec.name, name })),
    );
    const inUse = new Set(kept.map((node) => node.driver));
    const begun = (await drivers.used()).filter((driver) => !inUse.has(driver.name));
    await Promise.all(begun.map((driver) => driver.destroyShared(spec.name)));
  },
};
