import { Anchor, Checkbox, Text } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type ReactNode } from 'react';
import type { ListedTask } from '../../api/wire.ts';
import { Link } from '@tanstack/react-router';
import type { TaskColumn } from '../../address/search.ts';
import { COLUMNS } from './columns.tsx';

const ROW_PX = 44;
/** So many rows before the end the next page is asked for. */
const AHEAD = 30;

interface TaskRowsProps {
  readonly tasks: readonly ListedTask[];
  readonly total: number;
  readonly columns: readonly TaskColumn[];
  /** Left out where nothing may be done to tasks. */
  readonly chosen?: ReadonlySet<string>;
  readonly onChoose?: (chosen: ReadonlySet<string>) => void;
  readonly onEnd: () => void;
}

interface RowProps {
  readonly task: ListedTask;
  readonly columns: readonly TaskColumn[];
}

const Row = ({ task, columns }: RowProps): ReactNode => (
  <>
    <div role="cell" className="cut">
      <Anchor
        title={task.name}
        renderRoot={(props: object) => <Link {...props} to="/tasks/$id" params={{ id: task.uuid }} />}
      >
        {task.name}
      </Anchor>
      {task.owner !== undefined && (
        <Text span size="xs" c="dimmed">
          {` · ${task.owner.name}`}
        </Text>
      )}
    </div>
    {columns.map((name) => (
      <div role="cell" className="cut" key={name}>
        {COLUMNS[name].cell(task)}
      </div>
    ))}
  </>
);

/** Tasks, of which only those in sight are in the page, however many there are. */
export const TaskRows = ({ tasks, total, columns, chosen, onChoose, onEnd }: TaskRowsProps): ReactNode => {
  const place = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: tasks.length,
    getScrollElement: () => place.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
  });
  const gridTemplateColumns = `1.5rem minmax(10rem, 1fr) ${columns.map((name) => COLUMNS[name].width).join(' ')}`;
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= tasks.length - AHEAD) onEnd();
  }, [last, tasks.length, onEnd]);

  const choose = (id: string, isChosen: boolean): void => {
    const next = new Set(chosen);
    if (isChosen) next.add(id);
    else next.delete(id);
    onChoose?.(next);
  };
  const areAll = chosen !== undefined && tasks.every(({ uuid }) => chosen.has(uuid));
  return (
    // A region that scrolls is reached with the keyboard, too.
    <div ref={place} className="scrolled" style={{ height: 'calc(100vh - 17rem)', minHeight: '16rem' }} tabIndex={0}>
      <div role="table" aria-label="Tasks" aria-rowcount={total + 1} className="rows">
        <div
          role="row"
          aria-rowindex={1}
          className="row tasks"
          style={{ height: ROW_PX, fontWeight: 600, gridTemplateColumns }}
        >
          <div role="columnheader">
            {chosen !== undefined && (
              <Checkbox
                size="xs"
                aria-label="Choose all that are loaded"
                checked={areAll}
                indeterminate={!areAll && chosen.size > 0}
                onChange={() => onChoose?.(new Set(areAll ? [] : tasks.map(({ uuid }) => uuid)))}
              />
            )}
          </div>
          {['Name', ...columns.map((name) => COLUMNS[name].label)].map((name) => (
            <div role="columnheader" key={name}>
              {name}
            </div>
          ))}
        </div>
        <div role="rowgroup" style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {items.map(({ index, start }) => {
            const task = tasks[index];
            if (task === undefined) return null;
            return (
              <div
                role="row"
                aria-rowindex={index + 2}
                key={task.uuid}
                className="row tasks"
                style={{
                  ...{ position: 'absolute', insetInline: 0, height: ROW_PX, gridTemplateColumns },
                  transform: `translateY(${start}px)`,
                }}
              >
                <div role="cell">
                  {chosen !== undefined && (
                    <Checkbox
                      size="xs"
                      aria-label={`Choose ${task.name}`}
                      checked={chosen.has(task.uuid)}
                      onChange={(event) => choose(task.uuid, event.currentTarget.checked)}
                    />
                  )}
                </div>
                <Row task={task} columns={columns} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
};
