import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { AGGREGATES, decodeCommit, type RecordedCommit } from '@fornax/contracts';
import { workspaceRoot } from './platform/running-platform.js';

const SAMPLES = join(workspaceRoot, 'libs/contracts/samples');

/** One commit of every event that was ever written, from the samples of the contracts. */
const sampleCommits = (): readonly RecordedCommit[] =>
  readdirSync(SAMPLES)
    .filter((name) => name.endsWith('.json'))
    .map((name, index) => {
      const bytes = readFileSync(join(SAMPLES, name));
      const [{ subject }] = JSON.parse(bytes.toString('utf8')) as [{ readonly subject: string }];
      const [kind, ...rest] = subject.split('/');
      const aggregateId = rest.join('/');
      const aggregate = AGGREGATES.find((known) => known === kind);
      if (aggregate === undefined) throw new Error(`${name} is of no aggregate`);
      return decodeCommit(bytes, { sequence: index + 1, aggregate, aggregateId, commitId: name });
    });

/** A projection that wants some commits of its aggregates only; `Tx` is what it writes with. */
interface Wanting<Tx> {
  readonly aggregates: readonly string[];
  readonly wants: (commit: RecordedCommit) => boolean;
  write(tx: Tx, batch: readonly RecordedCommit[]): Promise<void>;
}

/**
 * Shows whether a projection may go without the commits that it does not want.
 * @returns the events that it does not want, and the statements that it runs for them: there must be none
 */
export const writesForUnwanted = async <Tx>(
  projection: Wanting<Tx>,
): Promise<{ readonly unwanted: readonly string[]; readonly statements: readonly string[] }> => {
  const statements: string[] = [];
  const query = (text: string): Promise<readonly never[]> => {
    statements.push(text);
    return Promise.resolve([]);
  };
  const { aggregates } = projection;
  const commits = sampleCommits().filter((one) => aggregates.includes(one.aggregate) && !projection.wants(one));
  await projection.write({ query } as Tx, commits);
  return { unwanted: commits.flatMap(({ events }) => events.map(({ type }) => type)), statements };
};
