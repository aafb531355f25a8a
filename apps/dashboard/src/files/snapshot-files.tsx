import { Anchor, Button, Stack } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { api, bodyOf } from '../api/client.ts';
import { bytes } from '../parts/format.tsx';
import { Rows } from '../parts/rows.tsx';
import { Empty, Failed, Waiting } from '../parts/states.tsx';
import { Preview, type Looked } from './preview.tsx';

/** Where the files of snapshots lie; the owner of the task reads them there. */
const AREA = '.snapshots';

/** The files that a snapshot has of each instance. */
export const SnapshotFiles = ({ task, snapshot }: { readonly task: string; readonly snapshot: string }): ReactNode => {
  const [looked, setLooked] = useState<Looked>();
  const { data, error, hasNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey: ['snapshot-files', task, snapshot],
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET('/fornax/v1/tasks/{id}/snapshots/{snapshotId}/files', {
          params: {
            path: { id: task, snapshotId: snapshot },
            query: pageParam === undefined ? {} : { after: pageParam },
          },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextAfter }) => nextAfter ?? undefined,
  });
  if (error !== null) return <Failed error={error} />;
  if (data === undefined) return <Waiting />;
  const files = data.pages.flatMap((page) => page.data);
  if (files.length === 0) return <Empty title="It holds no files" />;
  return (
    <Stack align="flex-start">
      <Rows
        minWidth={400}
        label="Files of the snapshot"
        heads={['Instance', 'Path', 'Size']}
        rows={files}
        keyOf={({ instance, path }) => `${instance} ${path}`}
        cells={({ instance, path, size, key, target }) => [
          instance,
          key === null ? (
            `${path} → ${target ?? ''}`
          ) : (
            <Anchor
              key="look"
              component="button"
              type="button"
              underline="always"
              ta="left"
              onClick={() => setLooked({ bucket: AREA, key, size: size ?? 0 })}
            >
              {path}
            </Anchor>
          ),
          size === null ? '–' : bytes(size),
        ]}
      />
      {hasNextPage && (
        <Button variant="default" onClick={() => void fetchNextPage()}>
          More
        </Button>
      )}
      {looked !== undefined && <Preview looked={looked} onClose={() => setLooked(undefined)} />}
    </Stack>
  );
};
