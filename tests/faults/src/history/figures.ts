import type { Anomaly } from './check-history.js';
import type { History } from './history.js';

/** What one round of a scenario came to, for the closing table of the long suite. */
export interface Figures {
  readonly scenario: string;
  readonly seed: number;
  readonly round: number;
  readonly seconds: number;
  readonly faults: number;
  /** Tasks that there are in the end, and instances of them. */
  readonly tasks: number;
  readonly instances: number;
  /** As the outside recorder saw them. */
  readonly runs: number;
  readonly doubleRuns: number;
  readonly lost: number;
  readonly unbilled: number;
  /** Anything else that the oracles said. */
  readonly otherFaults: number;
  /** Why it was not run here. */
  readonly skipped?: string;
}

const count = (anomalies: readonly Anomaly[], kind: Anomaly['kind']): number =>
  anomalies.filter((anomaly) => anomaly.kind === kind).length;

/** Counts what belongs to tasks whose key begins so. */
export const figuresOf = (
  { endings, runs }: History,
  anomalies: readonly Anomaly[],
  prefix: string,
): Pick<Figures, 'tasks' | 'instances' | 'runs' | 'doubleRuns' | 'lost' | 'unbilled'> => {
  const isOwn = ({ key }: { readonly key: string }): boolean => key.startsWith(prefix);
  const tasks = endings.filter(isOwn);
  const found = anomalies.filter(isOwn);
  return {
    tasks: tasks.length,
    instances: tasks.reduce((sum, { instances }) => sum + instances, 0),
    runs: runs.filter(isOwn).length,
    doubleRuns: count(found, 'two at one time'),
    lost: count(found, 'lost'),
    unbilled: count(found, 'not billed'),
  };
};
