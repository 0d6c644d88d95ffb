import { HOURS_A_MONTH } from '../../base/hours-a-month.ts';
import type { MachineOffer, MachineSpec } from '../driver.ts';

/**
 * On-demand prices of Linux in US dollars an hour, as AWS published them in 2025 for us-east-1; other regions cost this much times their factor,
 * on average. For an estimate in a plan: what is billed is AWS's own to say. CPUs and memory choose the type where a file names none.
 */
const TYPES: readonly { type: string; cpus: number; memoryMiB: number; usdPerHour: number }[] = [
  { type: 't3.small', cpus: 2, memoryMiB: 2048, usdPerHour: 0.0208 },
  { type: 't3.medium', cpus: 2, memoryMiB: 4096, usdPerHour: 0.0416 },
  { type: 't3.large', cpus: 2, memoryMiB: 8192, usdPerHour: 0.0832 },
  { type: 'm6i.large', cpus: 2, memoryMiB: 8192, usdPerHour: 0.096 },
  { type: 't3.xlarge', cpus: 4, memoryMiB: 16_384, usdPerHour: 0.1664 },
  { type: 'c6i.xlarge', cpus: 4, memoryMiB: 8192, usdPerHour: 0.17 },
  { type: 'm6i.xlarge', cpus: 4, memoryMiB: 16_384, usdPerHour: 0.192 },
  { type: 't3.2xlarge', cpus: 8, memoryMiB: 32_768, usdPerHour: 0.3328 },
  { type: 'c6i.2xlarge', cpus: 8, memoryMiB: 16_384, usdPerHour: 0.34 },
  { type: 'm6i.2xlarge', cpus: 8, memoryMiB: 32_768, usdPerHour: 0.384 },
  { type: 'm6i.4xlarge', cpus: 16, memoryMiB: 65_536, usdPerHour: 0.768 },
];

const REGION_FACTORS: Readonly<Record<string, number>> = {
  'us-east-1': 1,
  'us-east-2': 1,
  'us-west-2': 1,
  'us-west-1': 1.19,
  'ca-central-1': 1.11,
  'eu-west-1': 1.1,
  'eu-west-2': 1.14,
  'eu-west-3': 1.14,
  'eu-central-1': 1.15,
  'eu-north-1': 1.04,
  'ap-southeast-1': 1.27,
  'ap-southeast-2': 1.27,
  'ap-northeast-1': 1.31,
  'ap-south-1': 1.08,
  'sa-east-1': 1.61,
};

/** Of general purpose (gp3) volumes. */
const USD_PER_GIB_MONTH = 0.08;
const DEFAULT_SIZE = { cpus: 2, memoryMiB: 4096 };
export const DEFAULT_DISK_GIB = 20;

/** The type that is named, else the cheapest one that has what is asked for; undefined when none is large enough. */
export const instanceTypeOf = (spec: Pick<MachineSpec, 'cpus' | 'memoryMiB' | 'settings'>): string | undefined => {
  const named = spec.settings['instanceType'];
  if (typeof named === 'string') return named;
  const { cpus = DEFAULT_SIZE.cpus, memoryMiB = DEFAULT_SIZE.memoryMiB } = spec;
  return TYPES.filter((type) => type.cpus >= cpus && type.memoryMiB >= memoryMiB).toSorted((a, b) => a.usdPerHour - b.usdPerHour)[0]?.type;
};

/** Of an instance with its disk; or why that is not known: spot, whose price changes, and types and regions that the table lacks. */
export const priceOf = (machine: {
  type: string | undefined;
  region: string;
  diskGiB: number;
  spot: boolean;
}): { usdPerHour: number } | { unpriced: string } => {
  if (machine.spot) return { unpriced: 'spot' };
  const found = TYPES.find(({ type }) => type === machine.type);
  if (!found) return { unpriced: machine.type ?? 'no known type' };
  const factor = REGION_FACTORS[machine.region];
  if (!factor) return { unpriced: machine.region };
  return {
    usdPerHour: Math.round((found.usdPerHour + (machine.diskGiB * USD_PER_GIB_MONTH) / HOURS_A_MONTH) * factor * 10_000) / 10_000,
  };
};

/** Every type of the table with its price in a region, the cheapest first. */
export const offersIn = ({
  region,
  spot,
  diskGiB = DEFAULT_DISK_GIB,
}: {
  region: string;
  spot: boolean;
  diskGiB?: number | undefined;
}): MachineOffer[] => {
  const usual = instanceTypeOf({ settings: {} });
  return TYPES.toSorted((a, b) => a.usdPerHour - b.usdPerHour).map(({ type, cpus, memoryMiB }) => {
    const price = priceOf({ type, region, diskGiB, spot });
    return { name: type, cpus, memoryMiB, isDefault: type === usual, usdPerHour: 'usdPerHour' in price ? price.usdPerHour : undefined };
  });
};
