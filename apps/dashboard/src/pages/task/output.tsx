import { Alert, Button, Checkbox, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { readAs } from '../../api/read-as.ts';
import type { Task } from '../../api/wire.ts';
import { keepAnswer } from '../../files/save-blob.ts';
import { useOutput } from '../../known/output-lines.ts';
import { useAction } from '../../known/use-action.ts';
import { STREAMS, type Show, type TaskSearch } from '../../address/search.ts';
import { AnsiLine } from '../../parts/ansi.tsx';
import { count } from '../../parts/format.tsx';
import { Empty } from '../../parts/states.tsx';

const LINE_PX = 20;

const Lines = ({ lines, follows }: { readonly lines: readonly string[]; readonly follows: boolean }): ReactNode => {
  const place = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => place.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  useEffect(() => {
    if (follows && lines.length > 0) rows.scrollToIndex(lines.length - 1, { align: 'end' });
  }, [follows, lines.length, rows]);
  return (
    <div
      ref={place}
      className="scrolled output"
      style={{ height: 'calc(100vh - 22rem)', minHeight: '14rem' }}
      tabIndex={0}
      role="log"
      aria-label="Output"
      aria-live="off"
    >
      <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {rows.getVirtualItems().map(({ index, start }) => (
          <div key={index} style={{ position: 'absolute', height: LINE_PX, transform: `translateY(${start}px)` }}>
            <AnsiLine text={lines[index] ?? ''} />
          </div>
        ))}
      </div>
    </div>
  );
};

/** All of it: the browser itself reads it, unless it is read as another account. */
const Download = ({ path, name }: { readonly path: string; readonly name: string }): ReactNode => {
  const { mutate, isPending } = useAction(() => keepAnswer(path, name), ['download']);
  if (readAs === undefined)
    return (
      <Button component="a" variant="default" href={path} download={name}>
        Download
      </Button>
    );
  return (
    <Button variant="default" loading={isPending} onClick={() => mutate(undefined)}>
      Download
    </Button>
  );
};

interface OutputProps {
  readonly task: Task;
  readonly search: TaskSearch;
  readonly show: Show;
}

/** What the instances print, as it comes. */
export const Output = ({ task, search, show }: OutputProps): ReactNode => {
  const { stream = 'stdout', instance, find } = search;
  const { lines, isOver, gap, isConnected } = useOutput(task.uuid, stream, instance);
  const [follows, setFollows] = useState(true);
  const findLater = useDebouncedCallback((text: string) => show({ find: text === '' ? undefined : text }), 300);
  const shown = useMemo(() => {
    const wanted = find?.toLowerCase();
    return wanted === undefined ? lines : lines.filter((line) => line.toLowerCase().includes(wanted));
  }, [lines, find]);
  const of = instance === undefined ? '' : `/instances/${instance}`;
  return (
    <Stack gap="sm">
      <Group align="flex-end" gap="sm">
        <SegmentedControl
          aria-label="Stream"
          data={[
            { value: 'stdout', label: 'Output' },
            { value: 'stderr', label: 'Errors' },
          ]}
          value={stream}
          onChange={(value) => show({ stream: STREAMS.find((name) => name === value) })}
        />
        <TextInput
          label="Instance"
          placeholder="All"
          inputMode="numeric"
          w={90}
          defaultValue={instance ?? ''}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            const text = event.currentTarget.value.trim();
            show({ instance: /^\d+$/.test(text) ? Number(text) : undefined });
          }}
        />
        <TextInput
          label="Lines with"
          w={200}
          defaultValue={find ?? ''}
          onChange={(event) => findLater(event.currentTarget.value)}
        />
        <Checkbox
          label="Follow"
          pb={8}
          checked={follows}
          onChange={(event) => setFollows(event.currentTarget.checked)}
        />
        <Download
          path={`/fornax/v1/tasks/${encodeURIComponent(task.uuid)}${of}/${stream}`}
          name={`${task.shortname}-${instance ?? 'all'}-${stream}.txt`}
        />
      </Group>
      <Text size="sm" c="dimmed" role="status">
        {count(shown.length)} {shown.length === 1 ? 'line' : 'lines'}
        {find === undefined ? '' : ` of ${count(lines.length)}`}
        {isOver ? ' · that is all' : ''}
        {isConnected ? '' : ' · the connection is lost, it goes on by itself'}
      </Text>
      {gap !== undefined && <Alert color="yellow" title={`Some of it may be missing: ${gap}`} />}
      {shown.length === 0 ? (
        <Empty title={isOver ? 'Nothing was printed' : 'Nothing is printed yet'} />
      ) : (
        <Lines lines={shown} follows={follows} />
      )}
    </Stack>
  );
};
