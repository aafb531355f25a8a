import { randomUUID } from 'node:crypto';
import type { RecordedCommit } from '@fornax/contracts';
import { type JetStreamLog, type Nats, appendedMessage } from '@fornax/event-store';
import { headers as newHeaders } from '@nats-io/transport-node';

/** Messages of which the answer is awaited at once. */
const AT_ONCE = 2_048;

/** What one task wrote, as another one would have written it. */
const copyOf = (uuid: string, commits: readonly RecordedCommit[]): readonly RecordedCommit[] => {
  const other = randomUUID();
  const copies = JSON.parse(JSON.stringify(commits).replaceAll(uuid, other)) as RecordedCommit[];
  return copies.map((commit, index) => ({ ...commit, id: `${other}-${index}` }));
};

/**
 * Writes what one task wrote as that of so many others, past the log's own publisher: nobody else may write meanwhile, so the place of each commit is
 * known before the server tells it, and the next one of the same task need not wait for that.
 * @throws Error somebody else has written
 */
export const writeCopies = async (
  nc: Nats,
  log: JetStreamLog,
  { uuid, commits }: { readonly uuid: string; readonly commits: readonly RecordedCommit[] },
  count: number,
): Promise<void> => {
  let { sequence } = await log.head();
  let answers: Promise<void>[] = [];
  for (let task = 0; task < count; task += 1) {
    let previous = 0;
    for (const commit of copyOf(uuid, commits)) {
      sequence += 1;
      answers.push(write(nc, { ...commit, sequence }, previous));
      previous = sequence;
    }
    if (answers.length < AT_ONCE) continue;
    await Promise.all(answers);
    answers = [];
  }
  await Promise.all(answers);
};

const write = async (nc: Nats, commit: RecordedCommit, previous: number): Promise<void> => {
  const { subject, data, headers: named } = appendedMessage(commit, previous);
  const headers = newHeaders();
  for (const [name, value] of named) headers.append(name, value);
  const reply = await nc.request(subject, data, { headers, timeout: 60_000 });
  const { seq, error } = reply.json<{ readonly seq?: number; readonly error?: { readonly description: string } }>();
  if (seq !== commit.sequence)
    throw new Error(`a commit was to be ${commit.sequence} of the event log and is ${seq ?? error?.description}`);
};
