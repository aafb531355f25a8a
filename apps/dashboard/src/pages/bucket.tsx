import { Group, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useBlocker } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { FileBrowser } from '../files/file-browser.tsx';
import { useUploads } from '../files/use-uploads.ts';
import { useMayWrite } from '../known/me.tsx';
import { BUCKETS } from '../known/buckets.ts';
import { bytes, count } from '../parts/format.tsx';

const route = getRouteApi('/buckets/$name');

/** One bucket: its files, and what they come to. */
export const BucketPage = (): ReactNode => {
  const { name } = route.useParams();
  const { folder = '' } = route.useSearch();
  const navigate = route.useNavigate();
  const mayWrite = useMayWrite();
  const { data } = useQuery(BUCKETS);
  const bucket = data?.find((one) => one.name === name);
  const uploads = useUploads();
  useBlocker({
    shouldBlockFn: ({ current, next }) =>
      uploads.isBusy &&
      current.pathname !== next.pathname &&
      !window.confirm('Files are on their way. Stop them? What has come of large ones is kept, to go on with.'),
    enableBeforeUnload: () => uploads.isBusy,
  });
  return (
    <Stack>
      <Group gap="md" align="baseline">
        <Title order={1} size="h2">
          {name}
        </Title>
        {bucket !== undefined && (
          <Text c="dimmed">
            {count(bucket.objects)} {bucket.objects === 1 ? 'object' : 'objects'}, {bytes(bucket.bytes)}
            {bucket.access === 'own' ? '' : ` · of ${bucket.owner.name}, shared to ${bucket.access}`}
          </Text>
        )}
      </Group>
      <FileBrowser
        key={folder}
        bucket={name}
        folder={folder}
        onFolder={(to) => void navigate({ search: to === '' ? {} : { folder: to } })}
        uploads={mayWrite && bucket !== undefined && bucket.access !== 'read' ? uploads : undefined}
      />
    </Stack>
  );
};
