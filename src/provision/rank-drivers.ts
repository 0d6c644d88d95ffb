import { type DriverDescriptor, type DriverSetting, usesHosts } from '../drivers/driver.ts';
import { DRIVERS } from '../drivers/index.ts';
import { typedSettingProblem } from './file/typed-answers.ts';
import { NODE_REQUIREMENTS } from './spec/node-paths.ts';
import { openJournal } from './state/cluster-journal.ts';
import { slipwayDataDir, slipwayHome } from './state/cluster-state.ts';

export interface RankedDriver extends Omit<DriverDescriptor, 'load' | 'settings'> {
  /** Each with what is wrong with a value that a person types for it, as `must be ...` or a whole sentence. */
  settings: readonly (DriverSetting & { problemOf: (typed: string) => string | undefined })[];
  /** What it lacks here, each with the command that mends it. Empty: it can begin. */
  missing: { problem: string; fix: string }[];
  usesHosts: boolean;
}

/** A driver that asks a cloud must not keep a person waiting. */
const PATIENCE_MS = 5000;

/** All drivers, those that can begin at once first. */
export const rankDrivers = async (drivers: readonly DriverDescriptor[] = DRIVERS, patienceMs = PATIENCE_MS): Promise<RankedDriver[]> => {
  const ranked = await Promise.all(
    drivers.map(async ({ load, ...descriptor }) => {
      const settings = descriptor.settings.map((setting) => ({
        ...setting,
        problemOf: (typed: string) => typedSettingProblem(setting, typed),
      }));
      return { ...descriptor, settings, usesHosts: usesHosts(descriptor), missing: await missingOf(load, patienceMs) };
    }),
  );
  // The list has the driver that needs least first, and sorting keeps that.
  return ranked.sort((one, other) => Number(one.missing.length > 0) - Number(other.missing.length > 0));
};

const missingOf = async (load: DriverDescriptor['load'], patienceMs: number): Promise<RankedDriver['missing']> => {
  const look = async (): Promise<RankedDriver['missing']> => {
    const stateDir = slipwayHome();
    const driver = await load({ dataDir: slipwayDataDir(), stateDir, requirements: NODE_REQUIREMENTS, journal: openJournal(stateDir) });
    const findings = await driver.preflight();
    return findings.filter(({ severity }) => severity === 'error').map(({ problem, fix }) => ({ problem, fix }));
  };
  const { promise: late, resolve } = Promise.withResolvers<RankedDriver['missing']>();
  const timer = setTimeout(() => resolve([{ problem: `It did not answer in ${patienceMs / 1000} s.`, fix: 'slipway doctor' }]), patienceMs);
  try {
    return await Promise.race([look(), late]);
  } catch (error) {
    return [{ problem: error instanceof Error ? error.message : String(error), fix: 'slipway doctor' }];
  } finally {
    clearTimeout(timer);
  }
};
