import { Button, Group, Progress, Select, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { insideOf, readStatement, type Statement, type StatementRow } from '../../api/billing.ts';
import { readTaskNames } from '../../api/tasks.ts';
import { DIMENSIONS, type BillingSearch, type Dimension } from '../../address/page-search.ts';
import { useAccount } from '../../known/me.tsx';
import { Answered } from '../../parts/answered.tsx';
import { count, counted, duration } from '../../parts/format.tsx';
import { microsOf, moneyText, shareOf } from '../../parts/money.ts';
import { Rows } from '../../parts/rows.tsx';
import { Empty, Facts } from '../../parts/states.tsx';
import type { ShowBilling } from '../billing.tsx';

/** What is billed, as people say it: `seconds` is a text, as it is exact. */
const lasting = (seconds: string): string => duration(Number(seconds) * 1_000);

/** What a row is called; a project of others says whose it is, since everybody has one of the same name. */
const nameOf = (row: StatementRow, by: Dimension, reader: string): string => {
  const name = row.names[by] ?? row.by[by] ?? 'without one';
  const owner = by === 'project' ? row.names['projectOwner'] : undefined;
  return owner === undefined || owner === reader ? name : `${name} of ${owner}`;
};

interface WayDownProps {
  readonly row: StatementRow;
  readonly name: string;
  readonly by: Dimension;
  readonly show: ShowBilling;
}

/** The name of a row leads to what it is made of: a task to its bill, all else to its tasks. */
const WayDown = ({ row, name, by, show }: WayDownProps): ReactNode => {
  const value = row.by[by];
  if (value === null || value === undefined || value === '') return name;
  if (by === 'task') {
    if (row.lines === null || !row.lines.includes('/tasks/')) return name;
    return (
      <Link to="/tasks/$id" params={{ id: value }} search={{ tab: 'bill' }}>
        {name}
      </Link>
    );
  }
  return (
    <Button size="compact-sm" variant="default" onClick={() => show({ only: `${by}:${value}`, by: 'task' })}>
      {name}
    </Button>
  );
};

const Sums = ({ statement }: { readonly statement: Statement }): ReactNode => (
  <Facts
    facts={[
      ['In all', moneyText(microsOf(statement.total.amount), statement.currency)],
      ['Attempts', count(statement.total.attempts)],
      ['Failed', count(statement.total.failures)],
      ['Time on cores', lasting(statement.total.coreSeconds)],
      ...statement.meters.map(
        ({ meter, gb, amount }) =>
          [
            meter === 'storage' ? 'Storage, beside it' : 'Sent out, beside it',
            `${moneyText(microsOf(amount), statement.currency)} for ${gb} ${meter === 'storage' ? 'GB hours' : 'GB'}`,
          ] as const,
      ),
    ]}
  />
);

/** What was spent in the period, by whatever it is divided by, down to the bill of each task. */
export const Spend = ({ search, show }: { readonly search: BillingSearch; readonly show: ShowBilling }): ReactNode => {
  const { by = 'project', only, from, to } = search;
  const { email: reader } = useAccount();
  const inside = insideOf(only);
  const query = useQuery({
    queryKey: ['statement', from, to, by, only],
    queryFn: () => readStatement(search, by),
    refetchInterval: 30_000,
  });
  const tasks = by === 'task' ? (query.data?.rows.flatMap((row) => row.by.task ?? []) ?? []) : [];
  // Bills know tasks by their ids; names are told by who has the tasks.
  const names = useQuery({ queryKey: ['task-names', tasks], queryFn: () => readTaskNames(tasks) }).data;
  return (
    <Stack>
      <Group align="flex-end">
        <Select
          label="Divided by"
          w={160}
          allowDeselect={false}
          data={[...DIMENSIONS]}
          value={by}
          onChange={(value) => show({ by: DIMENSIONS.find((name) => name === value) })}
        />
        {inside !== undefined && (
          <Button variant="default" onClick={() => show({ only: undefined, by: inside[0] })}>
            Only {inside[0]}{' '}
            {query.data?.rows[0] === undefined ? inside[1] : nameOf(query.data.rows[0], inside[0], reader)}: show all
          </Button>
        )}
      </Group>
      <Answered query={query}>
        {(statement) => {
          const most = statement.rows.reduce((sum, { amount }) => sum + microsOf(amount), 0n);
          return (
            <>
              {(inside === undefined || ['project', 'user'].includes(inside[0])) && <Sums statement={statement} />}
              {statement.unrated > 0 && (
                <Text>
                  {counted(statement.unrated, 'attempt')}{' '}
                  {statement.unrated === 1 ? 'has no price yet: it is' : 'have no price yet: they are'} in no row.
                </Text>
              )}
              {statement.rows.length === 0 ? (
                <Empty title="Nothing was used in this time" />
              ) : (
                <Rows
                  minWidth={700}
                  label="Spend"
                  heads={[by, 'Price', 'Share', 'Attempts', 'Failed', 'Time', 'Time on cores']}
                  rows={statement.rows}
                  keyOf={(row) => JSON.stringify(row.by)}
                  cells={(row) => [
                    <WayDown
                      key="name"
                      row={row}
                      name={names?.get(row.by[by] ?? '') ?? nameOf(row, by, reader)}
                      by={by}
                      show={show}
                    />,
                    moneyText(microsOf(row.amount), statement.currency),
                    <Progress
                      key="share"
                      w={100}
                      value={shareOf(microsOf(row.amount), most)}
                      aria-label={`${shareOf(microsOf(row.amount), most)} % of what is shown`}
                    />,
                    count(row.attempts),
                    count(row.failures),
                    lasting(row.seconds),
                    lasting(row.coreSeconds),
                  ]}
                />
              )}
              {!statement.isWhole && (
                <Text size="sm">
                  {inside === undefined
                    ? `What is shown is ${count(statement.rows.length)} of ${counted(statement.count, 'row')}.`
                    : `What is shown is ${counted(statement.rows.length, 'row')}; there may be more.`}{' '}
                  <code>fornax usage</code> gives all.
                </Text>
              )}
              <Text size="sm" c="dimmed">
                Of all that the log says up to {count(statement.through)}
                {statement.isFinal ? '; its months are closed, so it stays so' : ''}. Rows sum to the total.
              </Text>
            </>
          );
        }}
      </Answered>
    </Stack>
  );
};
