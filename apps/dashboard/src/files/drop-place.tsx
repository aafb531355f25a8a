import { Button, Group, Paper, Progress, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useDropzone } from 'react-dropzone';
import { bytes } from '../parts/format.tsx';
import { chosenOf, type Chosen, type Sending } from './use-uploads.ts';

interface DropPlaceProps {
  readonly label: string;
  readonly onFiles: (chosen: readonly Chosen[]) => void;
  readonly children?: ReactNode;
}

/** Where files and folders are dropped, or chosen. */
export const DropPlace = ({ label, onFiles, children }: DropPlaceProps): ReactNode => {
  const { getRootProps, getInputProps, open, isDragActive } = useDropzone({
    noClick: true,
    noKeyboard: true,
    onDrop: (files) => {
      if (files.length > 0) onFiles(chosenOf(files));
    },
  });
  return (
    <Paper withBorder p="sm" {...getRootProps()} className={isDragActive ? 'drop drop-over' : 'drop'}>
      <input {...getInputProps({ 'aria-label': label })} />
      <Group justify="space-between">
        <Text size="sm">{isDragActive ? 'Let go to take them' : 'Drop files or folders here, or'}</Text>
        <Button size="xs" variant="default" onClick={open}>
          Choose files
        </Button>
      </Group>
      {children}
    </Paper>
  );
};

const WORDS = {
  waits: 'waits',
  goes: '',
  done: 'is there',
  there: 'there is one of this name already',
  failed: 'failed',
} as const satisfies Readonly<Record<Sending['state'], string>>;

interface SendingListProps {
  readonly sending: readonly Sending[];
  /** Sends those in place of others of the same names. */
  readonly onReplace?: (files: readonly Sending[]) => void;
  /** Sends those again that failed. */
  readonly onRetry?: (files: readonly Sending[]) => void;
}

/** How far files are on their way up, and which of them wait to be told that they may replace others. */
export const SendingList = ({ sending, onReplace, onRetry }: SendingListProps): ReactNode => {
  if (sending.length === 0) return null;
  const there = sending.filter(({ state }) => state === 'there');
  return (
    <Stack gap={4} mt="xs" role="status">
      {sending.map((one) => (
        <div key={one.key}>
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm" className="cut">
              {one.key}
            </Text>
            <Group gap="xs" wrap="nowrap">
              <Text size="sm" c="dimmed">
                {one.state === 'goes' ? `${bytes(one.sent)} of ${bytes(one.file.size)}` : WORDS[one.state]}
              </Text>
              {one.state === 'there' && onReplace !== undefined && (
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={`Replace: ${one.key}`}
                  onClick={() => onReplace([one])}
                >
                  Replace
                </Button>
              )}
              {one.state === 'failed' && onRetry !== undefined && (
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={`Try again: ${one.key}`}
                  onClick={() => onRetry([one])}
                >
                  Try again
                </Button>
              )}
            </Group>
          </Group>
          {one.state === 'goes' && (
            <Progress
              value={one.file.size === 0 ? 100 : (100 * one.sent) / one.file.size}
              aria-label={`${one.key} is sent`}
            />
          )}
          {one.trouble !== undefined && <Text size="sm">{one.trouble}</Text>}
        </div>
      ))}
      {there.length > 1 && onReplace !== undefined && (
        <Button size="xs" variant="default" onClick={() => onReplace(there)}>
          Replace all {there.length}
        </Button>
      )}
    </Stack>
  );
};
