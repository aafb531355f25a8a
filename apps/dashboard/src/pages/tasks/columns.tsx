import { Button, Checkbox, Popover, Progress, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { TASK_COLUMNS, type TaskColumn } from '../../address/search.ts';
import type { ListedTask } from '../../api/wire.ts';
import { count, duration, Instant, Lasting } from '../../parts/format.tsx';
import { isOver, StateBadge } from '../../parts/states.tsx';
import { secondsOf } from '../../parts/wire-duration.ts';

interface Column {
  readonly label: string;
  readonly width: string;
  readonly cell: (task: ListedTask) => ReactNode;
}

/** What may be shown of a task in a list. */
export const COLUMNS: Readonly<Record<TaskColumn, Column>> = {
  state: { label: 'State', width: '10rem', cell: ({ state }) => <StateBadge state={state} /> },
  instances: {
    label: 'Instances',
    width: '7rem',
    cell: ({ instanceCount, state, progress }) => (
      <>
        {count(instanceCount)}
        {!isOver(state) && progress > 0 && <Progress value={progress} size="xs" aria-label={`${progress} % done`} />}
      </>
    ),
  },
  running: { label: 'Running', width: '6rem', cell: ({ runningInstanceCount }) => count(runningInstanceCount) },
  lasts: {
    label: 'Lasts',
    width: '8rem',
    cell: ({ creationDate, state, endDate }) => (
      <Lasting from={creationDate} to={isOver(state) ? endDate : undefined} />
    ),
  },
  onCores: {
    label: 'Execution',
    width: '8rem',
    cell: ({ executionTime }) => duration(secondsOf(executionTime) * 1_000),
  },
  profile: { label: 'Profile', width: '9rem', cell: ({ profile }) => profile },
  submitted: { label: 'Submitted', width: '9rem', cell: ({ creationDate }) => <Instant at={creationDate} /> },
  ended: {
    label: 'Ended',
    width: '9rem',
    cell: ({ state, endDate }) => (isOver(state) ? <Instant at={endDate} /> : ''),
  },
};

interface ColumnsMenuProps {
  readonly columns: readonly TaskColumn[];
  readonly onChange: (columns: readonly string[]) => void;
}

/** Chooses what is shown of each task. */
export const ColumnsMenu = ({ columns, onChange }: ColumnsMenuProps): ReactNode => (
  <Popover trapFocus returnFocus>
    <Popover.Target>
      <Button variant="default">Columns</Button>
    </Popover.Target>
    <Popover.Dropdown>
      <Checkbox.Group label="Shown of each task" value={[...columns]} onChange={onChange}>
        <Stack gap="xs" mt="xs">
          {TASK_COLUMNS.map((name) => (
            <Checkbox
              key={name}
              size="xs"
              value={name}
              label={COLUMNS[name].label}
              // An address without columns means the usual ones: the last one would bring all of them back.
              disabled={columns.length === 1 && columns[0] === name}
              description={columns.length === 1 && columns[0] === name ? 'One of them stays' : undefined}
            />
          ))}
        </Stack>
      </Checkbox.Group>
    </Popover.Dropdown>
  </Popover>
);
