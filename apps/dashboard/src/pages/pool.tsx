import { Alert, Button, Group, Stack, Tabs, Text } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import {
  closePool,
  decisionsOf,
  deletePool,
  readPool,
  readPoolEvents,
  readPoolRights,
  readPoolTasks,
  sizeInWords,
  slotsOver,
  type Pool,
  type PoolEvents,
} from '../api/pools.ts';
import { POOL_TABS, type PoolTab } from '../address/page-search.ts';
import { Answered } from '../parts/answered.tsx';
import { AskAction } from '../parts/ask-action.tsx';
import { count, Instant } from '../parts/format.tsx';
import { OwnedHeading } from '../parts/owned-heading.tsx';
import { Rows } from '../parts/rows.tsx';
import { SeriesLater } from '../parts/series-later.tsx';
import { Empty, Facts, FailedPage, StateBadge, Waiting } from '../parts/states.tsx';

const route = getRouteApi('/pools/$id');
const LABELS: Readonly<Record<PoolTab, string>> = { slots: 'Slots', scaling: 'Size', tasks: 'Tasks' };
/** So many decisions are shown at first, and more of them at a time. */
const PAGE = 100;

const PoolActions = ({ pool: { uuid, state } }: { readonly pool: Pool }): ReactNode => {
  const navigate = useNavigate();
  return (
    <Group gap="xs">
      {!['Closing', 'Closed', 'PendingDelete', 'Failure'].includes(state) && (
        <AskAction
          label="Close"
          question="Close this pool?"
          detail="What runs is finished, and new tasks are refused."
          run={() => closePool(uuid)}
          queryKey={['pool', uuid]}
        />
      )}
      <AskAction
        label="Delete"
        question="Delete this pool?"
        detail="Its tasks are cancelled first."
        run={() => deletePool(uuid)}
        queryKey={['pools']}
        onDone={() => void navigate({ to: '/pools' })}
      />
    </Group>
  );
};

/** The slots that there are now. */
const Slots = ({ pool }: { readonly pool: Pool }): ReactNode => {
  const slots = pool.status?.runningInstancesInfo?.perRunningInstanceInfo ?? [];
  if (slots.length === 0) return <Empty title="No slot is open" />;
  return (
    <Rows
      minWidth={560}
      label="Slots"
      heads={['Slot', 'Phase', 'Hardware', 'Cores', 'Processor', 'Memory']}
      rows={slots}
      keyOf={({ instanceId }) => String(instanceId)}
      cells={(slot) => [
        slot.instanceId,
        slot.phase,
        slot.specificationKey,
        count(slot.coreCount),
        `${slot.cpuUsage.toFixed(0)} %`,
        `${count(slot.currentMemoryMB)} MB`,
      ]}
    />
  );
};

/** How many slots there were over time, what decided about them, and why. */
const Scaling = ({ pool }: { readonly pool: Pool }): ReactNode => {
  const [most, setMost] = useState(PAGE);
  const queries = useQueryClient();
  const queryKey = ['pool', pool.uuid, 'events'];
  const query = useQuery({
    queryKey,
    // What happened stays as it is: only what came since is read.
    queryFn: () => readPoolEvents(pool.uuid, queries.getQueryData<PoolEvents>(queryKey)),
    refetchInterval: 5_000,
  });
  return (
    <Answered query={query}>
      {({ events, isAll }) => {
        const points = slotsOver(events);
        const last = points.at(-1);
        const decisions = decisionsOf(events);
        const until = last === undefined || !isAll ? points : [...points, { ...last, at: query.dataUpdatedAt }];
        return (
          <Stack>
            <Text>Its size: {sizeInWords(pool)}.</Text>
            {until.length > 1 && (
              <SeriesLater
                isStepped
                label={`Slots over time: at last ${last?.ready ?? 0} ready of ${last?.wanted ?? 0}`}
                times={until.map(({ at }) => at / 1_000)}
                lines={[
                  { label: 'Wanted', values: until.map(({ wanted }) => wanted) },
                  { label: 'Ready', values: until.map(({ ready }) => ready) },
                ]}
              />
            )}
            {!isAll && <Text size="sm">These are the first {count(events.length)} events of the pool.</Text>}
            <Rows
              minWidth={480}
              label="Decisions about its size"
              heads={['When', 'What', 'Why']}
              rows={decisions.slice(0, most)}
              keyOf={({ id }) => id}
              cells={({ at, what, why }) => [<Instant key="at" at={at} />, what, why]}
            />
            {decisions.length > most && (
              <Button variant="default" onClick={() => setMost(most + PAGE)}>
                More
              </Button>
            )}
          </Stack>
        );
      }}
    </Answered>
  );
};

const Tasks = ({ pool }: { readonly pool: Pool }): ReactNode => {
  const query = useQuery({ queryKey: ['pool', pool.uuid, 'tasks'], queryFn: () => readPoolTasks(pool.uuid) });
  return (
    <Answered query={query}>
      {(tasks) =>
        tasks.length === 0 ? (
          <Empty title="No task was submitted into this pool yet" />
        ) : (
          <Rows
            minWidth={480}
            label="Tasks of the pool"
            heads={['Name', 'State', 'Instances', 'Submitted']}
            rows={tasks}
            keyOf={({ uuid }) => uuid}
            cells={(task) => [
              <Link key="name" to="/tasks/$id" params={{ id: task.uuid }}>
                {task.name}
              </Link>,
              <StateBadge key="state" state={task.state} />,
              count(task.instanceCount),
              <Instant key="at" at={task.creationDate} />,
            ]}
          />
        )
      }
    </Answered>
  );
};

/** One pool: its slots, its size and why, and its tasks. */
export const PoolPage = (): ReactNode => {
  const { id } = route.useParams();
  const { tab = 'slots' } = route.useSearch();
  const navigate = route.useNavigate();
  const rights = useQuery({ queryKey: ['pool', id, 'rights'], queryFn: () => readPoolRights(id) });
  const { data, error, refetch } = useQuery({
    queryKey: ['pool', id],
    queryFn: () => readPool(id),
    refetchInterval: 2_000,
  });
  if (error !== null && data === undefined) return <FailedPage error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Waiting />;
  return (
    <Stack>
      <OwnedHeading
        uuid={data.uuid}
        name={data.name || data.shortname}
        rights={rights}
        actions={() => <PoolActions pool={data} />}
      />
      {data.errors.map(({ code, message }, index) => (
        <Alert key={`${code} ${index}`} color="red" title={code}>
          {message}
        </Alert>
      ))}
      <Facts
        facts={[
          ['State', data.state],
          ['Slots', `${count(data.runningInstanceCount)} of ${count(data.targetRunningInstanceCount)} wanted`],
          ['In use', `${(data.poolUsage * 100).toFixed(0)} %`],
          ['Instances that run or wait in it', count(data.queuedOrRunningTaskInstancesCount)],
          ['Profile', data.profile],
          ['Plan', data.schedulingType],
          ['Made', <Instant key="at" at={data.creationDate} />],
        ]}
      />
      <Tabs
        value={tab}
        onChange={(value) =>
          void navigate({ search: value === null ? {} : { tab: POOL_TABS.find((name) => name === value) ?? 'slots' } })
        }
      >
        <Tabs.List>
          {POOL_TABS.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {LABELS[name]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={tab} pt="md">
          {tab === 'slots' && <Slots pool={data} />}
          {tab === 'scaling' && <Scaling pool={data} />}
          {tab === 'tasks' && <Tasks pool={data} />}
        </Tabs.Panel>
      </Tabs>
    </Stack>
  );
};
