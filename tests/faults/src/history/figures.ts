import type { Anomaly } from './check-history.js';
import type { History } from './history.js';

/** What one round of a scenario came to, for the closing table of the long suite. */
export interface Figures {
  readonly scenario: string;
  readonly seed: number;
  readonly round: number;
  readonly seconds: number;
  readonly faults: number;
  /** What they were: how many of each kind. */
  readonly injected: Readonly<Record<string, number>>;
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

/** How often each word comes. */
export const countKinds = (kinds: readonly string[]): Readonly<Record<string, number>> =>
  Object.fromEntries([...Map.groupBy(kinds, (kind) => kind)].map(([kind, own]) => [kind, own.length]));

/** Why a round proves nothing, whatever its oracles say: nothing went wrong, nobody asked for anything, or nothing ran. */
export const hollowness = ({ faults, tasks, runs }: Pick<Figures, 'faults' | 'tasks' | 'runs'>): readonly string[] => [
  ...(faults === 0 ? ['the round proves nothing: no fault was injected'] : []),
  ...(tasks === 0 ? ['the round proves nothing: it has no task'] : []),
  ...(runs === 0 ? ['the round proves nothing: no run was seen'] : []),
];

const count = (anomalies: readonly Anomaly[], kind: Anomaly['kind']): number =>
  anomalies.filter((anomaly) => anomaly.kind === kind).length;

/** A round of which nothing is known but that it was begun. */
export const emptyRound = (scenario: string, seed: number, round: number): Figures => ({
  scenario,
  seed,
  round,
  seconds: 0,
  faults: 0,
  injected: {},
  tasks: 0,
  instances: 0,
  runs: 0,
  doubleRuns: 0,
  lost: 0,
  unbilled: 0,
  otherFaults: 0,
});

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
