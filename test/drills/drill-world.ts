import type { Suite } from '../support/suite.ts';
import type { DrillOptions } from './kill-drill.ts';

/** Where a drill takes place: what a driver needs around it, and where to look for what is left. One a driver, in `worlds`. */
export interface DrillWorld extends Pick<DrillOptions, 'upArgs' | 'settle' | 'leftOnHosts' | 'skew' | 'goOn'> {
  /** Kills fall within it; absent: as long as they take when nobody kills them. */
  longest?: DrillOptions['longest'];
  /** Absent: nothing here keeps `up` from success. What its error says otherwise, when it has taken back what it made. */
  upFails?: string;
  close(): Promise<void>;
}

export interface DrillDriver {
  /** Called outside of the suite's namespaces too, where there is a network. Why it cannot be had here, or false. */
  missing(): string | false;
  open(suite: Suite): Promise<DrillWorld>;
}
