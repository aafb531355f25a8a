import { Button, FileButton, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { dropUpload, keptParts, unfinishedBelow, type Unfinished } from '../api/unfinished.ts';
import { useAction } from '../known/use-action.ts';
import { bytes, Instant } from '../parts/format.tsx';
import type { Uploads } from './use-uploads.ts';

/** No more are shown: each asks for its parts. */
const MOST_SHOWN = 20;

interface UnfinishedUploadProps {
  readonly bucket: string;
  readonly one: Unfinished;
  readonly onFile: (file: File) => void;
}

const UnfinishedUpload = ({ bucket, one, onFile }: UnfinishedUploadProps): ReactNode => {
  const { data: parts } = useQuery({
    queryKey: ['unfinished', bucket, 'parts', one.upload],
    queryFn: () => keptParts(bucket, one),
  });
  const { mutate: drop, isPending } = useAction(() => dropUpload(bucket, one), ['unfinished', bucket]);
  const came = parts?.reduce((sum, part) => sum + part.bytes, 0);
  return (
    <Group justify="space-between">
      <Text size="sm">
        {one.key}
        <Text span size="sm" c="dimmed">
          {came === undefined ? '' : `, ${bytes(came)} of it came`}, begun <Instant at={one.begunAt} />
        </Text>
      </Text>
      <Group gap="xs" wrap="nowrap">
        <FileButton
          onChange={(file) => file !== null && onFile(file)}
          inputProps={{ 'aria-label': `File to go on with: ${one.key}` }}
        >
          {(props) => (
            <Button {...props} size="compact-xs" variant="default" aria-label={`Go on: ${one.key}`}>
              Go on
            </Button>
          )}
        </FileButton>
        <Button
          size="compact-xs"
          variant="default"
          loading={isPending}
          aria-label={`Give up: ${one.key}`}
          onClick={() => drop(undefined)}
        >
          Give up
        </Button>
      </Group>
    </Group>
  );
};

interface UnfinishedUploadsProps {
  readonly bucket: string;
  readonly prefix: string;
  readonly uploads: Uploads;
}

/** Uploads of large files that were broken: to go on with by choosing their files again, or to give up. */
export const UnfinishedUploads = ({ bucket, prefix, uploads }: UnfinishedUploadsProps): ReactNode => {
  const { data = [] } = useQuery({
    queryKey: ['unfinished', bucket, prefix],
    queryFn: () => unfinishedBelow(bucket, prefix),
  });
  const going = new Set(
    uploads.sending.flatMap(({ key, state }) => (state === 'waits' || state === 'goes' ? [key] : [])),
  );
  const broken = data.filter(({ key }) => !going.has(key));
  if (broken.length === 0) return null;
  return (
    <Stack gap={4} mt="xs" role="group" aria-label="Unfinished uploads">
      <Text size="sm" fw={600}>
        {broken.length === 1
          ? 'One upload did not come to its end'
          : `${broken.length} uploads did not come to their ends`}
      </Text>
      <Text size="sm" c="dimmed">
        Choose or drop the same files again: what has come is not sent again. Until they are given up, they take room.
      </Text>
      {broken.slice(0, MOST_SHOWN).map((one) => (
        <UnfinishedUpload
          key={one.upload}
          bucket={bucket}
          one={one}
          onFile={(file) => uploads.goOn(bucket, one, file)}
        />
      ))}
      {broken.length > MOST_SHOWN && <Text size="sm">{broken.length - MOST_SHOWN} more began before.</Text>}
    </Stack>
  );
};
