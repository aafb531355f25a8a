import { Alert, Button, Checkbox, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useRef, useState, type ReactNode } from 'react';
import { readAs } from '../../api/read-as.ts';
import type { Task } from '../../api/wire.ts';
import { keepAnswer } from '../../files/save-blob.ts';
import { useFoundLines } from '../../known/found-lines.ts';
import { useOutput } from '../../known/output-lines.ts';
import { useAction } from '../../known/use-action.ts';
import { STREAMS, type Show, type TaskSearch } from '../../address/search.ts';
import { count } from '../../parts/format.tsx';
import { Empty, Waiting } from '../../parts/states.tsx';
import { OutputRows, type Jump } from './output-rows.tsx';

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

interface NoLinesProps {
  readonly isOver: boolean;
  readonly hasLines: boolean;
  readonly isSearching: boolean;
}

const NoLines = ({ isOver, hasLines, isSearching }: NoLinesProps): ReactNode => {
  if (isSearching) return <Waiting />;
  if (hasLines) return <Empty title="No line is like this" />;
  return <Empty title={isOver ? 'Nothing was printed' : 'Nothing is printed yet'} />;
};

interface OutputProps {
  readonly task: Task;
  readonly search: TaskSearch;
  readonly show: Show;
}

/** What the instances print, as it comes. */
export const Output = ({ task, search, show }: OutputProps): ReactNode => {
  const { stream = 'stdout', instance, find, line } = search;
  const output = useOutput(task.uuid, stream, instance);
  const { buffer, first, end, isOver, gap, isConnected } = output;
  const found = useFoundLines(output, find);
  const [follows, setFollows] = useState(line === undefined);
  const findLater = useDebouncedCallback((text: string) => show({ find: text === '' ? undefined : text }), 300);
  const [jump, setJump] = useState<Jump | undefined>(line === undefined ? undefined : { line });
  const done = useRef<Jump>(undefined);
  // Another one in the address, as by going back.
  const [known, setKnown] = useState(line);
  if (known !== line) {
    setKnown(line);
    if (line !== jump?.line) setJump(line === undefined ? undefined : { line });
  }
  const goTo = jump === undefined ? undefined : jump.line - 1 - (find === undefined ? first : 0);
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
        <TextInput
          label="Go to line"
          inputMode="numeric"
          w={110}
          defaultValue={line ?? ''}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            const text = event.currentTarget.value.trim();
            const asked = /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
            setFollows(false);
            setJump(asked === undefined ? undefined : { line: asked, from: event.currentTarget });
            show({ line: asked });
          }}
        />
        <Checkbox
          label="Follow"
          pb={8}
          checked={follows}
          onChange={(event) => {
            setFollows(event.currentTarget.checked);
            if (event.currentTarget.checked) show({ line: undefined });
          }}
        />
        <Download
          path={`/fornax/v1/tasks/${encodeURIComponent(task.uuid)}${of}/${stream}`}
          name={`${task.shortname}-${instance ?? 'all'}-${stream}.txt`}
        />
      </Group>
      <Text size="sm" c="dimmed" role="status">
        {count(found.count)} {found.count === 1 ? 'line' : 'lines'}
        {find === undefined ? '' : ` of ${count(end - first)}`}
        {found.isSearching ? ' · still searching' : ''}
        {first > 0 ? ` · the first ${count(first)} are in the download alone` : ''}
        {isOver ? ' · that is all' : ''}
        {isConnected ? '' : ' · the connection is lost, it goes on by itself'}
      </Text>
      {gap !== undefined && <Alert color="yellow" title={`Some of it may be missing: ${gap}`} />}
      {found.count === 0 ? (
        <NoLines isOver={isOver} hasLines={find !== undefined && end > first} isSearching={found.isSearching} />
      ) : (
        <OutputRows buffer={buffer} found={found} follows={follows} jump={jump} goTo={goTo} done={done} />
      )}
    </Stack>
  );
};
