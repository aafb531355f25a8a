import { Anchor, Breadcrumbs, Button, CopyButton, Group, Select, Stack, Table, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { readFolder, removeFile } from '../api/files.ts';
import { readAs } from '../api/read-as.ts';
import { linksFor } from '../api/storage.ts';
import { bytes, Instant } from '../parts/format.tsx';
import { Empty, Failed, Waiting } from '../parts/states.tsx';
import { DropPlace, SendingList } from './drop-place.tsx';
import { nameOf } from './file-kinds.ts';
import { Preview, type Looked } from './preview.tsx';
import { saveAll, saveFile } from './save-file.ts';
import { UnfinishedUploads } from './unfinished-uploads.tsx';
import type { Uploads } from './use-uploads.ts';
import { Scrolled } from '../parts/scrolled.tsx';
import { Dialog } from '../parts/dialog.tsx';

const LASTS = { '15': '15 minutes', '60': 'an hour', '1440': 'a day', '10080': 'a week' } as const;

/** A link to a file that somebody may be given. */
const LinkToFile = ({ bucket, file, onClose }: { bucket: string; file: string; onClose: () => void }): ReactNode => {
  const [minutes, setMinutes] = useState<string>('60');
  const { data, error } = useQuery({
    queryKey: ['link', bucket, file, minutes],
    queryFn: () => linksFor(bucket, { operation: 'read', key: file, minutes: Number(minutes) }),
    gcTime: 0,
  });
  const url = data?.urls[0];
  return (
    <Dialog onClose={onClose} title={`Link to ${nameOf(file)}`}>
      <Stack>
        <Text size="sm">Whoever has the link may download this file until it expires, without an account.</Text>
        <Select
          label="It lasts"
          data={Object.entries(LASTS).map(([value, label]) => ({ value, label }))}
          value={minutes}
          onChange={(value) => setMinutes(value ?? '60')}
          allowDeselect={false}
        />
        {error !== null && <Failed error={error} />}
        {url !== undefined && (
          <>
            <Text size="sm">
              Until <Instant at={data?.expirationDate} />, and no longer than your session.
            </Text>
            <CopyButton value={url}>
              {({ copied, copy }) => <Button onClick={copy}>{copied ? 'Copied' : 'Copy the link'}</Button>}
            </CopyButton>
          </>
        )}
      </Stack>
    </Dialog>
  );
};

const Removal = ({ bucket, file, onClose }: { bucket: string; file: string; onClose: () => void }): ReactNode => {
  const queries = useQueryClient();
  const { mutate, isPending } = useMutation({
    mutationFn: () => removeFile(bucket, file),
    onError: ({ message }) => notifications.show({ color: 'red', title: 'That was refused', message }),
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ['folder', bucket] });
      void queries.invalidateQueries({ queryKey: ['buckets'] });
      onClose();
    },
  });
  return (
    <Dialog onClose={onClose} title="Delete this file?">
      <Stack>
        <Text>{file}</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button color="red" loading={isPending} onClick={() => mutate()} data-autofocus>
            Delete
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
};

interface SaveAllProps {
  readonly bucket: string;
  readonly prefix: string;
}

/** Downloads all that begins so, where a browser can hold it. */
const SaveAll = ({ bucket, prefix }: SaveAllProps): ReactNode => {
  const [step, setStep] = useState<string>();
  const { mutate, isPending } = useMutation({
    mutationFn: () => saveAll(bucket, prefix, prefix === '' ? bucket : nameOf(prefix), setStep),
    onError: ({ message }) => notifications.show({ color: 'red', title: 'Not all could be downloaded', message }),
    onSettled: () => setStep(undefined),
  });
  return (
    <Button size="xs" variant="default" disabled={isPending} onClick={() => mutate()}>
      {isPending ? (step ?? 'Looking') : 'Download all'}
    </Button>
  );
};

interface FileBrowserProps {
  readonly bucket: string;
  /** What begins so is all that there is here. */
  readonly root?: string;
  /** The folder that is shown, below the root. */
  readonly folder: string;
  readonly onFolder: (folder: string) => void;
  /** What sends files into it; without it nothing is changed here. It is whoever shows this one's, so that another folder may be looked at meanwhile. */
  readonly uploads?: Uploads | undefined;
}

/** The files of a bucket: folder by folder, to look at, download, upload and delete. */
export const FileBrowser = ({ bucket, root = '', folder, onFolder, uploads }: FileBrowserProps): ReactNode => {
  const prefix = `${root}${folder}`;
  const mayWrite = uploads !== undefined;
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['folder', bucket, prefix],
    queryFn: ({ pageParam }) => readFolder(bucket, { prefix, after: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next,
  });
  const [looked, setLooked] = useState<Looked>();
  const [linked, setLinked] = useState<string>();
  const [removed, setRemoved] = useState<string>();
  const folders = data?.pages.flatMap((page) => page.folders) ?? [];
  const files = data?.pages.flatMap((page) => page.files).filter(({ key }) => key !== prefix) ?? [];
  const steps = folder.split('/').filter((step) => step !== '');
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Breadcrumbs>
          {[bucket, ...steps].map((step, at) => (
            <Anchor
              key={at}
              component="button"
              type="button"
              underline="always"
              onClick={() =>
                onFolder(
                  steps
                    .slice(0, at)
                    .map((one) => `${one}/`)
                    .join(''),
                )
              }
            >
              {step}
            </Anchor>
          ))}
        </Breadcrumbs>
        {files.length + folders.length > 0 && <SaveAll bucket={bucket} prefix={prefix} />}
      </Group>
      {uploads !== undefined && (
        <DropPlace label="Files to upload" onFiles={(chosen) => void uploads.send(bucket, prefix, chosen)}>
          <SendingList sending={uploads.sending} onReplace={uploads.replace} onRetry={uploads.retry} />
          <UnfinishedUploads bucket={bucket} prefix={prefix} uploads={uploads} />
        </DropPlace>
      )}
      {error !== null && <Failed error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Waiting />}
      {data !== undefined && files.length + folders.length === 0 && <Empty title="There is nothing in here" />}
      {files.length + folders.length > 0 && (
        <Scrolled minWidth={480}>
          <Table aria-label="Files">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Name</Table.Th>
                <Table.Th>Size</Table.Th>
                <Table.Th>Changed</Table.Th>
                <Table.Th>
                  <span className="unseen">What may be done</span>
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {folders.map((one) => (
                <Table.Tr key={one}>
                  <Table.Td colSpan={4}>
                    <Anchor
                      component="button"
                      type="button"
                      underline="always"
                      onClick={() => onFolder(one.slice(root.length))}
                    >
                      {nameOf(one)}/
                    </Anchor>
                  </Table.Td>
                </Table.Tr>
              ))}
              {files.map(({ key, bytes: size, changedAt }) => (
                <Table.Tr key={key}>
                  <Table.Td>
                    <Anchor
                      component="button"
                      type="button"
                      underline="always"
                      ta="left"
                      onClick={() => setLooked({ bucket, key, size })}
                    >
                      {nameOf(key)}
                    </Anchor>
                  </Table.Td>
                  <Table.Td>{bytes(size)}</Table.Td>
                  <Table.Td>
                    <Instant at={changedAt} />
                  </Table.Td>
                  <Table.Td>
                    <Group gap={4} wrap="nowrap">
                      {(
                        [
                          ['Download', () => void saveFile(bucket, key)],
                          // Files of somebody else are looked at, and not handed on.
                          ...(readAs === undefined ? ([['Link', () => setLinked(key)]] as const) : []),
                          ...(mayWrite ? ([['Delete', () => setRemoved(key)]] as const) : []),
                        ] as const
                      ).map(([label, onClick]) => (
                        <Button
                          key={label}
                          size="compact-xs"
                          variant="default"
                          aria-label={`${label}: ${nameOf(key)}`}
                          onClick={onClick}
                        >
                          {label}
                        </Button>
                      ))}
                    </Group>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Scrolled>
      )}
      {hasNextPage && (
        <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          More
        </Button>
      )}
      {looked !== undefined && <Preview looked={looked} onClose={() => setLooked(undefined)} />}
      {linked !== undefined && <LinkToFile bucket={bucket} file={linked} onClose={() => setLinked(undefined)} />}
      {removed !== undefined && <Removal bucket={bucket} file={removed} onClose={() => setRemoved(undefined)} />}
    </Stack>
  );
};
