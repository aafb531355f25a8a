import { Alert, Button, Group, List, Progress, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import {
  readArchive,
  readLogState,
  readQuarantine,
  verifyLog,
  type LogArchive,
  type Verified,
} from '../../api/platform.ts';
import { Answered } from '../../parts/answered.tsx';
import { bytes, count, counted, duration, Instant } from '../../parts/format.tsx';
import { Rows } from '../../parts/rows.tsx';
import { Empty, Facts, Failed } from '../../parts/states.tsx';

/** Whether the log is the one that everything was made from. */
const LogState = (): ReactNode => {
  const query = useQuery({ queryKey: ['log', 'state'], queryFn: readLogState, refetchInterval: 10_000 });
  return (
    <Answered query={query}>
      {({ isRight, message, ways, lastCommitAt }) => (
        <Alert color={isRight ? 'green' : 'red'} title={isRight ? 'The log is right' : 'The log is not right'}>
          {message}. Last commit: <Instant at={lastCommitAt} />
          {ways.length > 0 && (
            <List size="sm">
              {ways.map((way) => (
                <List.Item key={way}>{way}</List.Item>
              ))}
            </List>
          )}
        </Alert>
      )}
    </Answered>
  );
};

const ArchiveFacts = ({ archive }: { readonly archive: LogArchive }): ReactNode => (
  <Facts
    facts={[
      ['Commits', count(archive.head)],
      ['Kept in the log', `${count(archive.kept)} from ${count(archive.first)} on, ${bytes(archive.bytes)}`],
      ['Archived up to', `${count(archive.to)}, in ${counted(archive.segments, 'segment')}`],
      ['Left the log', archive.left === 0 ? 'nothing' : `up to ${count(archive.left)}`],
      ['Stays in it', archive.retentionMs === null ? 'all of it' : duration(archive.retentionMs)],
      ['Hash', <code key="hash">{archive.hash.slice(0, 16)}…</code>],
    ]}
  />
);

/** Compares each commit with its checksum, and says how far it is. */
const Verify = (): ReactNode => {
  const [verified, setVerified] = useState<Verified>();
  const [error, setError] = useState<Error>();
  const [isBusy, setBusy] = useState(false);
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const start = async (): Promise<void> => {
    const control = new AbortController();
    stop.current = control;
    setBusy(true);
    setError(undefined);
    setVerified(undefined);
    await verifyLog(control.signal, setVerified).catch((cause: unknown) => {
      if (!control.signal.aborted) setError(cause instanceof Error ? cause : new Error(String(cause)));
    });
    if (!control.signal.aborted) setBusy(false);
  };
  return (
    <Stack gap="xs">
      <Group>
        <Button variant="default" loading={isBusy} onClick={() => void start()}>
          Verify the log
        </Button>
        <Text size="sm" role="status">
          {verified === undefined
            ? ''
            : `${counted(verified.commits, 'commit')} up to ${count(verified.to)} of ${count(verified.head)}: ${
                verified.damage.length === 0
                  ? 'each is what was appended'
                  : `${verified.damage.length} places are damaged`
              }`}
        </Text>
      </Group>
      {isBusy && verified !== undefined && (
        <Progress value={(100 * verified.to) / Math.max(1, verified.head)} aria-label="Verified" />
      )}
      {error !== undefined && <Failed error={error} />}
      {verified?.damage.map((place) => (
        <Alert key={place} color="red" title={place} />
      ))}
    </Stack>
  );
};

const Quarantine = (): ReactNode => {
  const query = useQuery({ queryKey: ['log', 'quarantine'], queryFn: readQuarantine, refetchInterval: 10_000 });
  return (
    <Answered query={query}>
      {(entries) =>
        entries.length === 0 ? (
          <Empty title="Nothing is put aside" />
        ) : (
          <Rows
            minWidth={640}
            label="Quarantine"
            heads={['Found', 'Kind', 'At', 'Of', 'Why']}
            rows={entries}
            keyOf={({ id }) => id}
            cells={(entry) => [
              <Instant key="at" at={entry.foundAt} />,
              entry.kind,
              count(entry.sequence),
              entry.aggregate === null ? entry.stream : `${entry.aggregate} ${entry.aggregateId ?? ''}`,
              entry.reason,
            ]}
          />
        )
      }
    </Answered>
  );
};

/** The event log: how large it is, how far it is archived, and whether it is whole. */
export const EventLog = (): ReactNode => {
  const archive = useQuery({ queryKey: ['log', 'archive'], queryFn: readArchive, refetchInterval: 5_000 });
  return (
    <Stack>
      <LogState />
      <Answered query={archive}>{(data) => <ArchiveFacts archive={data} />}</Answered>
      <Verify />
      <Title order={2} size="h4">
        Quarantine
      </Title>
      <Quarantine />
    </Stack>
  );
};
