import { Button, Group } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { ACTIONS, type Action } from '../../api/tasks.ts';
import type { Task, TaskRights } from '../../api/wire.ts';
import { TASK } from '../../known/live-tasks.ts';
import { isOver } from '../../parts/states.tsx';
import { Dialog } from '../../parts/dialog.tsx';

/** What is done for the owner of a task by those who look after it. A clone is of who makes it. */
const TENDING: readonly Action[] = ['abort', 'retry', 'resume', 'recover', 'delete'];

/** What may be done, as far as it depends on who asks. */
type Rights = Pick<TaskRights, 'may' | 'mayClone'>;

/** What may be done to a task as it stands, by who may do so much. */
const offered = (task: Task, { may, mayClone }: Rights): readonly Action[] =>
  offeredToOwner(task).filter((action) => {
    if (action === 'clone') return mayClone;
    return may === 'own' || (may === 'tend' && TENDING.includes(action));
  });

const offeredToOwner = ({ state, status }: Task): readonly Action[] => {
  if (!isOver(state)) return ['abort', 'clone', 'delete'];
  const hasFailed = (status?.failedRange ?? '') !== '';
  const isStopped = (status?.cancelledRange ?? '') !== '';
  return [
    ...(hasFailed ? (['retry'] as const) : []),
    ...(isStopped ? (['resume'] as const) : []),
    ...(hasFailed && isStopped ? (['recover'] as const) : []),
    'clone',
    'delete',
  ];
};

const isMade = (answer: unknown): answer is { readonly uuid: string } =>
  typeof answer === 'object' && answer !== null && 'uuid' in answer;

/** Buttons for what can be done to a task. What cannot be undone is asked about first. */
export const TaskActions = ({ task, rights }: { readonly task: Task; readonly rights: Rights }): ReactNode => {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [asked, setAsked] = useState<Action>();
  const { mutate, isPending } = useMutation({
    mutationFn: (action: Action): Promise<unknown> => ACTIONS[action].run(task.uuid),
    onSuccess: (answer, action) => {
      if (isMade(answer)) void navigate({ to: '/tasks/$id', params: { id: answer.uuid } });
      else if (action === 'delete') void navigate({ to: '/tasks' });
      else void queries.invalidateQueries({ queryKey: [TASK, task.uuid] });
    },
    onError: ({ message }, action) =>
      notifications.show({ color: 'red', title: `${ACTIONS[action].label} was refused`, message }),
    onSettled: () => setAsked(undefined),
  });
  return (
    <Group gap="xs">
      {offered(task, rights).map((action) => (
        <Button
          key={action}
          size="xs"
          variant="default"
          disabled={isPending}
          onClick={() => (action === 'abort' || action === 'delete' ? setAsked(action) : mutate(action))}
        >
          {ACTIONS[action].label}
        </Button>
      ))}
      {asked !== undefined && (
        <Dialog onClose={() => setAsked(undefined)} title={`${ACTIONS[asked].label} this task?`}>
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsked(undefined)}>
              Leave it
            </Button>
            <Button color="red" loading={isPending} onClick={() => mutate(asked)} data-autofocus>
              {ACTIONS[asked].label}
            </Button>
          </Group>
        </Dialog>
      )}
    </Group>
  );
};
