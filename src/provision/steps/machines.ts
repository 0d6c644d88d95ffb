import type { ClusterContext } from '../cluster-context.ts';
import type { Step } from './step.ts';

/** Makes, or starts, the machines of all nodes at once. Their names stand in the saved state before the first one is made. */
export const machines: Step<ClusterContext> = {
  name: 'machines',
  title: 'Making machines',
  apply: async (context, report) => {
    const { driver, spec, signal } = context;
    const there = new Map((await driver.list(spec.name)).map((machine) => [machine.name, machine]));
    const results = await Promise.allSettled(
      spec.nodes.map(async (node) => {
        const machine = await driver.create(
          { cluster: spec.name, name: node.name, cpus: node.cpus, memoryMiB: node.memoryMiB, settings: node.settings },
          { signal, progress: report },
        );
        context.machines.set(node.name, machine);
        context.hosts.set(node.name, await driver.connect(machine));
      }),
    );
    // All have ended before one failure is told: taking back must not meet a machine that is still being made.
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    const addresses = Object.fromEntries([...context.machines].map(([name, machine]) => [name, machine.address]));
    context.state = { ...context.state, addresses };
    await context.folder.write(context.state);
    return { changed: spec.nodes.some((node) => there.get(node.name)?.state !== 'running') };
  },
  undo: async (context) => {
    const { driver, spec, newNodes } = context;
    await Promise.all(newNodes.map((name) => driver.destroy({ cluster: spec.name, name })));
    if (context.isNew) await driver.destroyShared(spec.name);
  },
};
