import { Button, Group, SegmentedControl, Select, Stack, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState, type ReactNode } from 'react';
import { readChanges, type KnownChanges } from '../../api/attempts.ts';
import { ATTEMPT_VIEWS, type Show, type TaskSearch } from '../../address/search.ts';
import type { Task } from '../../api/wire.ts';
import { TASK } from '../../known/live-tasks.ts';
import { attemptsOf, lanesOf, type Attempt } from '../../known/attempts.ts';
import { count, duration, Instant } from '../../parts/format.tsx';
import { LANE_ORDERS, type LaneOrder } from '../../parts/lane-orders.ts';
import { isBy } from '../../parts/moments.ts';
import { Rows } from '../../parts/rows.tsx';
import { Empty, Failed, isOver, Waiting } from '../../parts/states.tsx';
import { BAR_COLORS, BAR_NAMES, barsOf, type BarKind } from './bars.ts';
import { Gantt } from './gantt.tsx';

const ORDERS: Readonly<Record<LaneOrder, string>> = {
  instance: 'Instance',
  time: 'Time of dispatch',
  node: 'Node',
};
const PAGE = 100;
const LOOK_MS = 2_000;

const iso = (at: number | undefined): string | undefined => (at === undefined ? undefined : new Date(at).toISOString());

/** How an attempt ended, or that it has not. */
const endOf = ({ outcome, cause, exitCode, startedAt }: Attempt): string => {
  if (outcome === undefined) return startedAt === undefined ? 'starting' : 'running';
  const why = [cause, exitCode === undefined ? undefined : `exit code ${exitCode}`].filter((one) => one !== undefined);
  return why.length === 0 ? outcome : `${outcome} (${why.join(', ')})`;
};

const waited = ({ waitedFrom, sentAt }: Attempt): string =>
  waitedFrom === undefined ? '–' : duration(sentAt - waitedFrom);

const lasted = ({ startedAt, exitedAt, overAt }: Attempt, now: number): string =>
  startedAt === undefined ? '–' : duration((exitedAt ?? overAt ?? now) - startedAt);

const sentenceOf = (one: Attempt, now: number): string =>
  `Instance ${one.instance}, attempt ${one.attempt} on ${one.node}: waited ${waited(one)}, ran ${lasted(one, now)}, ${endOf(one)}`;

const AttemptTable = ({
  attempts,
  now,
}: {
  readonly attempts: readonly Attempt[];
  readonly now: number;
}): ReactNode => {
  const [most, setMost] = useState(PAGE);
  return (
    <Stack align="flex-start">
      <Rows
        minWidth={760}
        label="Attempts"
        heads={['Instance', 'Attempt', 'Node', 'Waited', 'Sent', 'Started', 'Ran', 'Outcome']}
        rows={attempts.slice(0, most)}
        keyOf={({ instance, attempt }) => `${instance} ${attempt}`}
        cells={(one) => [
          one.instance,
          one.attempt,
          one.node,
          waited(one),
          <Instant key="sent" at={iso(one.sentAt)} />,
          <Instant key="started" at={iso(one.startedAt)} />,
          lasted(one, now),
          endOf(one),
        ]}
      />
      {attempts.length > most && (
        <Button variant="default" onClick={() => setMost(most + PAGE)}>
          More
        </Button>
      )}
    </Stack>
  );
};

const Legend = ({ attempts, now }: { readonly attempts: readonly Attempt[]; readonly now: number }): ReactNode => {
  const there = new Set<BarKind>(attempts.flatMap((one) => barsOf(one, now).map(({ what }) => what)));
  return (
    <Group gap="md" component="ul" p={0} my={0} style={{ listStyle: 'none' }}>
      {[...there].map((what) => (
        <Group key={what} gap={6} component="li">
          <span
            className="swatch"
            style={{ background: `light-dark(${BAR_COLORS[what].light}, ${BAR_COLORS[what].dark})` }}
          />
          <Text size="sm">{BAR_NAMES[what]}</Text>
        </Group>
      ))}
    </Group>
  );
};

interface AttemptsProps {
  readonly task: Task;
  readonly search: TaskSearch;
  readonly show: Show;
}

/** When each attempt of each instance waited, ran, and on which node. */
export const Attempts = ({ task, search, show }: AttemptsProps): ReactNode => {
  const { asOf, lanes: order = 'instance', view = 'chart' } = search;
  const queries = useQueryClient();
  const queryKey = [TASK, task.uuid, 'attempts'];
  const { data, error, dataUpdatedAt } = useQuery({
    queryKey,
    // What happened stays as it is: only what came since is read.
    queryFn: () => readChanges(task.uuid, queries.getQueryData<KnownChanges>(queryKey)),
    refetchInterval: isOver(task.state) ? false : LOOK_MS,
  });
  const [marked, setMarked] = useState<readonly Attempt[]>([]);
  const changes = useMemo(
    () => (asOf === undefined ? data?.changes : data?.changes.filter((change) => isBy(change, asOf))) ?? [],
    [data, asOf],
  );
  const attempts = useMemo(() => attemptsOf(changes), [changes]);
  const lanes = useMemo(() => lanesOf(attempts, order), [attempts, order]);
  if (error !== null && data === undefined) return <Failed error={error} />;
  if (data === undefined) return <Waiting />;
  if (attempts.length === 0) return <Empty title="No instance has been sent to a node yet" />;
  const ends = attempts.map(({ overAt }) => overAt);
  const last = Math.max(0, ...changes.slice(-1).map(({ at }) => Date.parse(at)));
  const isOn = asOf === undefined && ends.includes(undefined);
  const until = isOn
    ? Math.max(dataUpdatedAt, last)
    : ends.reduce((most: number, end) => Math.max(most, end ?? 0), last);
  const from = attempts.reduce((least, one) => Math.min(least, one.waitedFrom ?? one.sentAt), Infinity);
  const nodes = new Set(attempts.map(({ node }) => node)).size;
  const label = `${count(attempts.length)} ${attempts.length === 1 ? 'attempt' : 'attempts'} on ${count(nodes)} ${nodes === 1 ? 'node' : 'nodes'} in ${duration(until - from)}`;
  return (
    <Stack gap="sm">
      <Group align="flex-end">
        <SegmentedControl
          aria-label="Shown as"
          data={[
            { value: 'chart', label: 'Chart' },
            { value: 'table', label: 'Table' },
          ]}
          value={view}
          onChange={(value) => show({ view: ATTEMPT_VIEWS.find((name) => name === value) })}
        />
        {view === 'chart' && (
          <Select
            label="A row for each"
            w={180}
            allowDeselect={false}
            data={LANE_ORDERS.map((value) => ({ value, label: ORDERS[value] }))}
            value={order}
            onChange={(value) => show({ lanes: LANE_ORDERS.find((name) => name === value) })}
          />
        )}
        <Text size="sm" c="dimmed" role="status">
          {label}
          {data.isAll ? '' : '; there are more, which are not shown'}
        </Text>
      </Group>
      {view === 'table' ? (
        <AttemptTable attempts={attempts} now={until} />
      ) : (
        <>
          <Gantt
            key={order}
            lanes={lanes}
            from={from}
            until={until}
            label={label}
            onMark={setMarked}
            onOpen={(instance) => show({ tab: 'output', instance })}
          />
          <Legend attempts={attempts} now={until} />
          <Text size="sm" aria-live="polite" mih="3em">
            {marked
              .slice(-3)
              .map((one) => sentenceOf(one, until))
              .join('; ')}
          </Text>
        </>
      )}
    </Stack>
  );
};
