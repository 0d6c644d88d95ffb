import type { Driver, MachineSpec, PlannedResource } from './driver.ts';

/** The part of a plan that every driver has: its machines, as they are. */
export const planMachines = async (driver: Pick<Driver, 'describe'>, specs: readonly MachineSpec[]): Promise<PlannedResource[]> =>
  Promise.all(
    specs.map(async (spec) => {
      const machine = await driver.describe(spec);
      const state = machine ? (machine.state === 'running' ? 'present' : 'stopped') : 'absent';
      return { kind: 'machine', name: spec.name, state, detail: sizeOf(spec) };
    }),
  );

const sizeOf = ({ cpus, memoryMiB, diskGiB }: MachineSpec): string | undefined =>
  [cpus && `${cpus} CPUs`, memoryMiB && `${memoryMiB} MiB`, diskGiB && `${diskGiB} GiB of disk`].filter(Boolean).join(', ') || undefined;
