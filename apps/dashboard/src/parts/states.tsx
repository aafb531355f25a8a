import { Alert, Badge, Button, Center, Group, Loader, Stack, Text, Title, VisuallyHidden } from '@mantine/core';
import type { ReactNode } from 'react';
import { Refused } from '../api/client.ts';
import type { TaskState } from '../api/wire.ts';

const TITLES: Readonly<Record<number, string>> = {
  403: 'You may not see this',
  404: 'There is no such thing, or none that you may see',
  503: 'The platform cannot answer right now',
};

interface FailedProps {
  readonly error: Error;
  readonly onRetry?: () => void;
}

const titleOf = (error: Error): string => {
  if (!(error instanceof Refused)) return 'The platform cannot be reached';
  return TITLES[error.status] ?? 'That did not work';
};

/** Says what went wrong, and offers to try again where that may help. */
export const Failed = ({ error, onRetry }: FailedProps): ReactNode => {
  const status = error instanceof Refused ? error.status : undefined;
  const canHelp = status === undefined || status >= 500;
  return (
    <Alert color="red" title={titleOf(error)} m="md" role="alert">
      <Stack align="flex-start" gap="xs">
        <Text size="sm">{status === undefined ? 'It is tried again by itself.' : error.message}</Text>
        {canHelp && onRetry !== undefined && (
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again now
          </Button>
        )}
      </Stack>
    </Alert>
  );
};

/** Says what went wrong where that is all there is of a page. */
export const FailedPage = (props: FailedProps): ReactNode => (
  <>
    <VisuallyHidden>
      <Title order={1}>{titleOf(props.error)}</Title>
    </VisuallyHidden>
    <Failed {...props} />
  </>
);

export const Waiting = (): ReactNode => (
  <Center p="xl" role="status" aria-label="Loading">
    <Loader aria-hidden />
  </Center>
);

export const Empty = ({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode => (
  <Center p="xl">
    <Stack align="center" gap="xs">
      <Text fw={600}>{title}</Text>
      {children}
    </Stack>
  </Center>
);

/** What people call the states of a task, with the color of each. */
const STATES: Readonly<Record<TaskState, readonly [label: string, color: string]>> = {
  Submitted: ['Waiting', 'gray'],
  PartiallyDispatched: ['Starting', 'cyan'],
  FullyDispatched: ['Starting', 'cyan'],
  PartiallyExecuting: ['Running', 'blue'],
  FullyExecuting: ['Running', 'blue'],
  UploadingResults: ['Storing results', 'blue'],
  Success: ['Success', 'green'],
  Failure: ['Failure', 'red'],
  Cancelled: ['Cancelled', 'orange'],
  PendingCancel: ['Cancelling', 'orange'],
  PendingDelete: ['Deleting', 'orange'],
};

export const StateBadge = ({ state }: { readonly state: TaskState }): ReactNode => {
  const [label, color] = STATES[state];
  return (
    <Badge color={color} variant="outline" title={state} className={`state state-${color}`}>
      {label}
    </Badge>
  );
};

export const isOver = (state: TaskState): boolean => ['Success', 'Failure', 'Cancelled'].includes(state);

/** A figure with its name, which leads to what it counts. */
export const Facts = ({
  facts,
}: {
  readonly facts: readonly (readonly [name: string, value: ReactNode])[];
}): ReactNode => (
  <Group gap="xl" component="dl" my={0}>
    {facts.map(([name, value]) => (
      <div key={name}>
        <Text component="dt" size="xs" c="dimmed">
          {name}
        </Text>
        <Text component="dd" m={0}>
          {value}
        </Text>
      </div>
    ))}
  </Group>
);
