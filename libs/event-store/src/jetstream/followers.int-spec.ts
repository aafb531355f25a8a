import type { NatsConnection } from '@nats-io/nats-core';
import { STREAMS, allReportsSubject, reportSubject, type Aggregate } from '@fornax/contracts';
import { aCommit, bucketCreated, eventually, submitted } from '@fornax/testing';
import { describeFollower, type FollowerUnderTest } from '@fornax/testing/contracts';
import { connectNats } from './connection.js';
import { consumeBatches } from './consume-batches.js';
import { DurablePublisher } from './durable-publisher.js';
import { JetStreamLog } from '../jetstream-log/jetstream.event-log.js';
import { ensureStreams } from './streams.js';

const onReports: FollowerUnderTest<NatsConnection> = {
  stream: STREAMS.reports,
  connect: (server) => connectNats({ ...server, name: 'test' }),
  makeStreams: (nc) => ensureStreams(nc),
  publish: async (nc, text) => {
    const publisher = new DurablePublisher(nc);
    await publisher.publish(reportSubject('node-1'), new TextEncoder().encode(text), { msgId: text });
    publisher.close();
  },
  follow: ({ nc, signal, pace, onHandled, onState }) =>
    consumeBatches(
      nc,
      { stream: STREAMS.reports, durable: 'scheduler', filterSubject: allReportsSubject, signal, pace, onState },
      (messages) => {
        for (const { data } of messages) onHandled(new TextDecoder().decode(data));
        return Promise.resolve();
      },
    ),
  afterWipe: 'goes on',
};

const onLog = (aggregates: readonly Aggregate[]): FollowerUnderTest<NatsConnection> => ({
  ...onReports,
  stream: STREAMS.events,
  publish: async (nc, text) => {
    // A server that has just come back may let the first question go unanswered.
    const log = await eventually(() => JetStreamLog.open(nc), { timeoutMs: 30_000 });
    const [aggregate = 'task'] = aggregates;
    const event = aggregate === 'task' ? submitted(text) : bucketCreated(text);
    await log.append(aggregate, text, aCommit(text, [event]), 0);
    log.close();
  },
  follow: async ({ nc, signal, pace, onHandled, onState }) => {
    const log = await JetStreamLog.open(nc, { pace });
    try {
      await log.subscribe(
        {
          from: 1,
          aggregates,
          signal,
          onProgress: () => onState(undefined),
          onError: (error) => onState(error instanceof Error ? error.message : String(error)),
        },
        (batch) => {
          for (const { id } of batch) onHandled(id);
          return Promise.resolve();
        },
      );
    } finally {
      log.close();
    }
  },
  afterWipe: 'LogReset',
});

describeFollower('a consumer of batches', onReports);
describeFollower('a reader of the shared tail', onLog(['task', 'node']));
describeFollower('a reader of one kind of aggregates', onLog(['bucket']));
