import { Alert, Button, Group, List, Progress, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { ACTIONS, type Action } from '../../api/tasks.ts';
import { TASKS } from '../../known/live-tasks.ts';
import { counted } from '../../parts/format.tsx';
import { Dialog } from '../../parts/dialog.tsx';

interface Failure {
  readonly id: string;
  readonly why: string;
}
interface Run {
  readonly action: Action;
  readonly total: number;
  readonly done: number;
  readonly failures: readonly Failure[];
}

const AT_ONCE = 6;
const OFFERED = ['abort', 'retry', 'delete'] as const;

/** Does the same to many, a few at once; one that fails holds up no other. */
const doToAll = async (
  ids: readonly string[],
  run: (id: string) => Promise<unknown>,
  onStep: (failure: Failure | undefined) => void,
): Promise<void> => {
  const left = [...ids];
  const worker = async (): Promise<void> => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      const current = id;
      const failure = await run(current).then(
        () => undefined,
        (error: unknown) => ({ id: current, why: error instanceof Error ? error.message : String(error) }),
      );
      onStep(failure);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
};

const RunDialog = ({ run, onClose }: { readonly run: Run; readonly onClose: () => void }): ReactNode => {
  const { action, total, done, failures } = run;
  const isOver = done === total;
  return (
    <Dialog onClose={onClose} title={`${ACTIONS[action].label}: ${done} of ${total}`} closeOnClickOutside={isOver}>
      <Stack>
        <Progress value={(100 * done) / total} aria-label={`${done} of ${total} done`} />
        {failures.length > 0 && (
          <Alert color="red" title={`${failures.length} could not be done`}>
            <List size="sm">
              {failures.map(({ id, why }) => (
                <List.Item key={id}>
                  {id}: {why}
                </List.Item>
              ))}
            </List>
          </Alert>
        )}
        {isOver && <Button onClick={onClose}>Close</Button>}
      </Stack>
    </Dialog>
  );
};

/** What can be done to all tasks that are chosen. */
export const ActionBar = ({
  chosen,
  onDone,
}: {
  readonly chosen: ReadonlySet<string>;
  readonly onDone: () => void;
}): ReactNode => {
  const queries = useQueryClient();
  const [asked, setAsked] = useState<Action>();
  const [run, setRun] = useState<Run>();
  const start = async (action: Action): Promise<void> => {
    const ids = [...chosen];
    setAsked(undefined);
    setRun({ action, total: ids.length, done: 0, failures: [] });
    await doToAll(ids, ACTIONS[action].run, (failure) =>
      setRun(
        (now) => now && { ...now, done: now.done + 1, failures: failure ? [...now.failures, failure] : now.failures },
      ),
    );
    onDone();
    await queries.invalidateQueries({ queryKey: [TASKS] });
  };
  if (chosen.size === 0 && run === undefined) return null;
  return (
    <Group gap="sm">
      <Text size="sm">{chosen.size} chosen</Text>
      {OFFERED.map((action) => (
        <Button key={action} size="xs" variant="default" disabled={chosen.size === 0} onClick={() => setAsked(action)}>
          {ACTIONS[action].label}
        </Button>
      ))}
      {asked !== undefined && (
        <Dialog onClose={() => setAsked(undefined)} title={`${ACTIONS[asked].label} ${counted(chosen.size, 'task')}?`}>
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsked(undefined)}>
              Leave them
            </Button>
            <Button color="red" onClick={() => void start(asked)} data-autofocus>
              {ACTIONS[asked].label}
            </Button>
          </Group>
        </Dialog>
      )}
      {run !== undefined && <RunDialog run={run} onClose={() => setRun(undefined)} />}
    </Group>
  );
};
