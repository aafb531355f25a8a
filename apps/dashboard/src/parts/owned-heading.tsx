import { Alert, Button, Group, Stack, Title } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Rights } from '../api/wire.ts';
import { useMayWrite } from '../known/me.tsx';
import { Whose } from './whose.tsx';

interface OwnedHeadingProps<R extends Rights> {
  readonly uuid: string;
  readonly name: string;
  /** What is known of it beside its name. */
  readonly badges?: ReactNode;
  /** What is said behind its id. */
  readonly note?: string;
  readonly rights: UseQueryResult<R>;
  /** What may be done with it, by who may do anything. */
  readonly actions: (rights: R) => ReactNode;
}

/** Heads a page of something that somebody owns: its name, whose it is, and what the reader may do with it. */
export const OwnedHeading = <R extends Rights>(props: OwnedHeadingProps<R>): ReactNode => {
  const { uuid, name, badges, note, rights, actions } = props;
  const mayWrite = useMayWrite();
  return (
    <>
      <Group justify="space-between" align="flex-start">
        <Stack gap={4} maw="100%">
          <Group gap="sm">
            <Title order={1} size="h2">
              {name}
            </Title>
            {badges}
          </Group>
          <Whose uuid={uuid} rights={rights.data}>
            {note}
          </Whose>
        </Stack>
        {mayWrite && rights.data !== undefined && rights.data.may !== 'look' && actions(rights.data)}
      </Group>
      {rights.data === undefined && rights.error !== null && (
        <Alert color="yellow" role="alert" title="Whose it is, and what you may do with it, could not be read">
          <Stack align="flex-start" gap="xs">
            {rights.error.message}
            <Button size="xs" variant="default" loading={rights.isFetching} onClick={() => void rights.refetch()}>
              Try again
            </Button>
          </Stack>
        </Alert>
      )}
    </>
  );
};
