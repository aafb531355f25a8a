import type { DamagedPlace } from '@fornax/event-store';
import type { NamedTasks, Position } from '../projection/projection.js';

/** What would become of the rows of one table. */
export interface RowLoss {
  readonly table: string;
  /** Rows that it has. */
  readonly rows: number;
  /** Rows that a rebuild would leave. */
  readonly left: number;
}

/** Tasks for people: `5 tasks: a, b, …`, or an empty text for none. */
const nameTasks = ({ count, ids }: NamedTasks): string =>
  count === 0 ? '' : `${count} ${count === 1 ? 'task' : 'tasks'}: ${ids.join(', ')}${count > ids.length ? ', …' : ''}`;

/** The log knows less than the rows were folded from, so a rebuild would lose some for good. Nothing was changed. */
export class RebuildRefused extends Error {
  constructor(
    readonly projection: string,
    readonly shortfall: string,
    readonly losses: readonly RowLoss[],
    readonly tasks: NamedTasks = { count: 0, ids: [] },
  ) {
    const lost = losses.map(({ table, rows, left }) => `${left} of ${rows} rows of ${table}`).join(', ');
    const named = nameTasks(tasks);
    const concerned = named === '' ? '' : `It would lose rows of ${named}. `;
    super(
      `projection ${projection}: the log knows less than its rows: ${shortfall}. A rebuild would leave ${lost}. ${concerned}` +
        `Put the log back that they were folded from; or lose what only they know: fornax projection rebuild ${projection} --force`,
    );
    this.name = 'RebuildRefused';
  }
}

/**
 * What the log does not know although the rows were folded from it, in words: another log, commits behind its end, and what is missing or
 * changed up to the checkpoint, whether operators gave it up or not. Undefined when it knows everything.
 */
export const shortfallOf = (
  checkpoint: Position,
  head: Position,
  damage: readonly DamagedPlace[],
): string | undefined => {
  if (checkpoint.sequence === 0) return undefined;
  if (checkpoint.epoch !== head.epoch)
    return `they come from another log (${checkpoint.sequence} commits of epoch ${checkpoint.epoch}; this one has epoch ${head.epoch})`;
  const after = checkpoint.sequence - head.sequence;
  const end =
    after > 0 ? [`it ends at ${head.sequence}, ${after} commits before their checkpoint ${checkpoint.sequence}`] : [];
  const known = damage.filter(({ from }) => from <= checkpoint.sequence);
  const places = known.map(({ from, isGap, reason }) => (isGap ? reason : `sequence ${from}: ${reason}`));
  const all = [...end, ...places];
  return all.length === 0 ? undefined : all.join('; ');
};
