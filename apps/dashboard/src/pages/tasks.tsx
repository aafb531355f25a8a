import { Button, Group, Loader, Select, Stack, Text, TextInput, Title } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { readSharedProjects } from '../api/projects.ts';
import { TASKS, useLiveTasks } from '../known/live-tasks.ts';
import { columnsOf, ORDERS, STATE_GROUPS, type TasksSearch } from '../address/search.ts';
import { useMayWrite, useMe } from '../known/me.tsx';
import { PROJECT_TASKS, SHARED_PROJECTS } from '../known/queries.ts';
import { useTaskPages } from '../known/use-task-pages.ts';
import { count } from '../parts/format.tsx';
import { Empty, Failed, Waiting } from '../parts/states.tsx';
import { ActionBar } from './tasks/action-bar.tsx';
import { ColumnsMenu } from './tasks/columns.tsx';
import { FilterBuilder } from './tasks/filter-builder.tsx';
import { TaskRows } from './tasks/task-rows.tsx';
import { ViewsMenu } from './tasks/views-menu.tsx';

const route = getRouteApi('/tasks');

const ORDER_NAMES: Readonly<Record<(typeof ORDERS)[number], string>> = {
  creationDate: 'Newest first',
  name: 'By name',
  state: 'By state',
  executionTime: 'By execution time',
};

/** The other end of the list, which nobody reaches by scrolling through a million tasks. */
const OLDEST = { value: 'oldest', label: 'Oldest first' };
const isOldestFirst = ({ order = 'creationDate', ascending }: TasksSearch): boolean =>
  order === 'creationDate' && ascending === true;

type Change = (change: { readonly [K in keyof TasksSearch]: TasksSearch[K] | undefined }) => void;

const capital = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

interface FiltersProps {
  readonly search: TasksSearch;
  readonly onChange: Change;
  readonly onOpen: (view: TasksSearch) => void;
}

const Filters = ({ search, onChange, onOpen }: FiltersProps): ReactNode => {
  const { projects } = useMe();
  const shared = useQuery({ queryKey: SHARED_PROJECTS, queryFn: readSharedProjects }).data ?? [];
  const names = new Map([...projects, ...shared.map(({ project }) => project)].map(({ uuid, name }) => [uuid, name]));
  const isShared = shared.some(({ project }) => project.uuid === search.project);
  const later = useDebouncedCallback(onChange, 300);
  const [isBuilding, setBuilding] = useState(search.where !== undefined);
  // What was typed is another view's once one is opened.
  const [view, setView] = useState(0);
  return (
    <>
      <Group align="flex-end" gap="sm">
        <Select
          label="State"
          placeholder="All"
          clearable
          clearButtonProps={{ 'aria-label': 'All states' }}
          w={140}
          data={STATE_GROUPS.map((value) => ({ value, label: capital(value) }))}
          value={search.state ?? null}
          onChange={(state) => onChange({ state: STATE_GROUPS.find((group) => group === state) })}
        />
        <TextInput
          label="Name begins with"
          w={180}
          key={`name ${view} ${search.name === undefined}`}
          defaultValue={search.name ?? ''}
          onChange={(event) => later({ name: event.currentTarget.value || undefined })}
        />
        <TextInput
          label="Tag"
          w={120}
          key={`tag ${view} ${search.tag === undefined}`}
          defaultValue={search.tag ?? ''}
          onChange={(event) => later({ tag: event.currentTarget.value || undefined })}
        />
        <Select
          label="Project"
          placeholder="All"
          clearable
          clearButtonProps={{ 'aria-label': 'All projects' }}
          w={170}
          data={[...names].map(([value, label]) => ({ value, label }))}
          value={search.project ?? null}
          onChange={(project) => onChange({ project: project ?? undefined, everybody: undefined })}
        />
        {(isShared || search.everybody === true) && (
          <Select
            label="Whose"
            w={150}
            allowDeselect={false}
            data={[
              { value: 'mine', label: 'Mine' },
              { value: 'everybody', label: "Everybody's" },
            ]}
            value={search.everybody === true ? 'everybody' : 'mine'}
            onChange={(whose) => onChange({ everybody: whose === 'everybody' ? true : undefined })}
          />
        )}
        <Select
          label="Order"
          w={170}
          allowDeselect={false}
          data={[...ORDERS.map((value) => ({ value, label: ORDER_NAMES[value] })), OLDEST]}
          value={isOldestFirst(search) ? OLDEST.value : (search.order ?? 'creationDate')}
          onChange={(order) => {
            const known = ORDERS.find((name) => name === order);
            onChange({ order: known, ascending: known === 'name' || order === OLDEST.value ? true : undefined });
          }}
        />
        <Button variant="default" aria-expanded={isBuilding} onClick={() => setBuilding(!isBuilding)}>
          {search.where === undefined ? 'More conditions' : `More conditions (${search.where.length})`}
        </Button>
        <ColumnsMenu
          columns={columnsOf(search)}
          onChange={(columns) => onChange({ columns: columns.join(',') || undefined })}
        />
        <ViewsMenu
          search={search}
          onOpen={(opened) => {
            setView(view + 1);
            setBuilding(opened.where !== undefined);
            onOpen(opened);
          }}
        />
      </Group>
      {isBuilding && <FilterBuilder conditions={search.where ?? []} onChange={(where) => onChange({ where })} />}
    </>
  );
};

/** Says that the reader has no tasks, and where those of others are. */
const NoneYet = (): ReactNode => {
  const { data: shared = [] } = useQuery({ queryKey: SHARED_PROJECTS, queryFn: readSharedProjects });
  if (shared.length === 0) return <Empty title="There are no tasks yet" />;
  return (
    <Empty title="You have no tasks yet">
      <Text size="sm">Those of everybody are in the projects that you share:</Text>
      {shared.map(({ project }) => (
        <Link key={project.uuid} to="/tasks" search={{ project: project.uuid, everybody: true }}>
          {project.name}
        </Link>
      ))}
    </Empty>
  );
};

/** All tasks that may be seen, as a list that grows while it is scrolled. */
export const TasksPage = (): ReactNode => {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const mayWrite = useMayWrite();
  const isLive = useLiveTasks();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const isOfProject = search.project !== undefined && search.everybody === true;
  const change: Change = (changed) =>
    void navigate({ search: (before) => ({ ...before, ...changed }) as TasksSearch, replace: true });
  // Which columns are shown is no matter of what is read.
  const { columns: _columns, ...listed } = search;
  // The stream of events tells of the reader's own tasks.
  const pages = useTaskPages(isOfProject ? PROJECT_TASKS : TASKS, listed, isOfProject ? 5_000 : false);
  const { total, error } = pages;
  const isFiltered = ['state', 'name', 'tag', 'project', 'ids', 'where'].some((key) => key in search);
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={1} size="h2">
          Tasks
        </Title>
        <Group gap="sm">
          {pages.isReading && <Loader size="xs" aria-label="Loading more" />}
          <Text size="sm" c="dimmed" role="status">
            {total === undefined ? '' : `${count(total)} ${total === 1 ? 'task' : 'tasks'}`}
            {isLive === false ? ' · not live: the connection is lost' : ''}
          </Text>
          {mayWrite && (
            <Button component={Link} to="/submit" size="xs">
              Submit a task
            </Button>
          )}
        </Group>
      </Group>
      <Filters search={search} onChange={change} onOpen={(view) => void navigate({ search: view })} />
      {search.ids !== undefined && (
        <Group gap="sm">
          <Text size="sm">Only {count(search.ids.split(',').length)} of them are shown.</Text>
          <Button size="compact-xs" variant="default" onClick={() => change({ ids: undefined })}>
            Show all
          </Button>
        </Group>
      )}
      {mayWrite && <ActionBar chosen={chosen} onDone={() => setChosen(new Set())} />}
      {total === undefined && error === null && <Waiting />}
      {error !== null && <Failed error={error} onRetry={pages.again} />}
      {total !== undefined && pages.count === 0 && (isFiltered ? <Empty title="No task is like this" /> : <NoneYet />)}
      {pages.count > 0 && (
        <TaskRows pages={pages} columns={columnsOf(search)} {...(mayWrite ? { chosen, onChoose: setChosen } : {})} />
      )}
    </Stack>
  );
};
