import { formProblem } from '../../base/text/text-form.ts';
import type { DriverSetting } from '../../drivers/driver.ts';
import { settingProblem } from '../../drivers/read-settings.ts';
import { MAX_NODES } from '../spec/cluster-spec.ts';
import { NAME } from '../spec/node-names.ts';
import { type Bounds, CPUS, countFault, DISK, MEMORY, sizeFault } from '../spec/node-size.ts';

/** What was typed, as the type that the setting has. What cannot be one stays the text that it is, so that whoever checks it refuses it. */
export const typedSetting = ({ type }: Pick<DriverSetting, 'type'>, text: string): unknown => {
  if (type === 'strings') return text.split(/[\s,]+/).filter(Boolean);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return type === 'integer' && /^-?\d+$/.test(text) ? Number(text) : text;
};

/** What is wrong with it, as `must be ...` or a whole sentence. Nothing typed is the default. */
export const typedSettingProblem = (setting: DriverSetting, text: string): string | undefined =>
  text === '' ? undefined : settingProblem(setting, typedSetting(setting, text));

const countProblem = (text: string, bounds: Bounds): string | undefined =>
  /^\d+$/.test(text) ? countFault(Number(text), bounds) : `must be a whole number, ${bounds.minimum} to ${bounds.maximum}`;

/** The same of the other questions, by the rules of a cluster file. Sizes are typed in GiB. */
export const ANSWER_CHECKS = {
  name: (text: string) => formProblem(NAME, text),
  nodes: (text: string) => countProblem(text, { minimum: 1, maximum: MAX_NODES }),
  cpus: (text: string) => countProblem(text, CPUS),
  memory: (text: string) => (/^\d+(\.\d+)?$/.test(text) ? sizeFault(`${text}Gi`, MEMORY) : 'must be a number such as 2 or 0.5'),
  disk: (text: string) => (/^\d+$/.test(text) ? sizeFault(`${text}Gi`, DISK) : 'must be a whole number such as 20'),
};
