import { Anchor, Checkbox, Text } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, type ReactNode } from 'react';
import type { ListedTask } from '../../api/wire.ts';
import { Link } from '@tanstack/react-router';
import type { TaskColumn } from '../../address/search.ts';
import type { TaskPages } from '../../known/use-task-pages.ts';
import { COLUMNS } from './columns.tsx';

const ROW_PX = 44;

interface TaskRowsProps {
  readonly pages: TaskPages;
  readonly columns: readonly TaskColumn[];
  /** Left out where nothing may be done to tasks. */
  readonly chosen?: ReadonlySet<string>;
  readonly onChoose?: (chosen: ReadonlySet<string>) => void;
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
export const TaskRows = ({ pages, columns, chosen, onChoose }: TaskRowsProps): ReactNode => {
  const { count, total = count, ids, at, onSight } = pages;
  const place = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count,
    getScrollElement: () => place.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
  });
  const gridTemplateColumns = `1.5rem minmax(10rem, 1fr) ${columns.map((name) => COLUMNS[name].width).join(' ')}`;
  const items = rows.getVirtualItems();
  const [first, last] = [items.at(0)?.index ?? 0, items.at(-1)?.index ?? 0];
  useEffect(() => onSight(first, last), [first, last, onSight]);

  const choose = (id: string, isChosen: boolean): void => {
    const next = new Set(chosen);
    if (isChosen) next.add(id);
    else next.delete(id);
    onChoose?.(next);
  };
  const areAll = useMemo(() => chosen !== undefined && ids.every((id) => chosen.has(id)), [chosen, ids]);
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
                onChange={() => onChoose?.(new Set(areAll ? [] : ids))}
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
            const task = at(index);
            return (
              <div
                role="row"
                aria-rowindex={index + 2}
                key={task?.uuid ?? index}
                className="row tasks"
                style={{
                  ...{ position: 'absolute', insetInline: 0, height: ROW_PX, gridTemplateColumns },
                  transform: `translateY(${start}px)`,
                }}
              >
                <div role="cell">
                  {chosen !== undefined && task !== undefined && (
                    <Checkbox
                      size="xs"
                      aria-label={`Choose ${task.name}`}
                      checked={chosen.has(task.uuid)}
                      onChange={(event) => choose(task.uuid, event.currentTarget.checked)}
                    />
                  )}
                </div>
                {task === undefined ? <div role="cell">…</div> : <Row task={task} columns={columns} />}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
};
