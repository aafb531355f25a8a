import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { followStream } from '../api/event-stream.ts';
import { readSummaries } from '../api/tasks.ts';
import type { TaskPage, TaskSummary } from '../api/wire.ts';

export const TASKS = 'tasks';
export const TASK = 'task';

/** Changes of so long are shown together: a thousand instances that end in a second are one look. */
const GATHER_MS = 500;
/** So many tasks are looked at one by one; beyond it the list is read again. */
const MOST = 200;

const idIn = (data: string): string | undefined => {
  const { taskId } = JSON.parse(data) as { readonly taskId?: unknown };
  return typeof taskId === 'string' ? taskId : undefined;
};

/** A page with what is new of its tasks; the same page if none of them is. */
const patched = (page: TaskPage | undefined, news: ReadonlyMap<string, TaskSummary>): TaskPage | undefined => {
  if (page === undefined || !page.data.some(({ uuid }) => news.has(uuid))) return page;
  return { ...page, data: page.data.map((task) => news.get(task.uuid) ?? task) };
};

/**
 * Keeps the lists of tasks, and the tasks that are shown, as the platform has them, by its stream of events.
 * @param of one task alone, and whether it is followed now
 * @returns whether the stream is there; undefined until that is known, and while nothing is followed
 */
export const useLiveTasks = (of?: { readonly task: string; readonly isFollowed: boolean }): boolean | undefined => {
  const { task: taskId, isFollowed = true } = of ?? {};
  const queries = useQueryClient();
  const [isConnected, setConnected] = useState<boolean>();

  useEffect(() => {
    if (!isFollowed) return setConnected(undefined);
    const stop = new AbortController();
    const changed = new Set<string>();
    let hasNew = false;
    let timer: ReturnType<typeof setTimeout> | undefined;

    const look = async (): Promise<void> => {
      timer = undefined;
      const ids = [...changed];
      changed.clear();
      for (const id of ids) void queries.invalidateQueries({ queryKey: [TASK, id] });
      if (taskId !== undefined) return;
      if (hasNew || ids.length > MOST) {
        hasNew = false;
        return queries.invalidateQueries({ queryKey: [TASKS] });
      }
      const news = new Map((await readSummaries(ids)).map((task) => [task.uuid, task]));
      queries.setQueriesData<TaskPage>({ queryKey: [TASKS] }, (known) => patched(known, news));
    };

    const only = taskId === undefined ? '' : `&task=${encodeURIComponent(taskId)}`;
    void followStream({
      path: `/fornax/v1/events?snapshot=false${only}`,
      signal: stop.signal,
      onConnected: setConnected,
      onMessage: ({ event, data }) => {
        if (event === 'snapshot') return;
        const id = event === 'reset' ? undefined : idIn(data);
        if (id !== undefined) changed.add(id);
        hasNew ||= ['TaskSubmitted', 'TaskDeleted', 'reset'].includes(event);
        timer ??= setTimeout(() => void look().catch(() => undefined), GATHER_MS);
      },
    });
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [queries, taskId, isFollowed]);

  return isConnected;
};
