import { STREAMS } from '@fornax/contracts';
import { connectNats, DurablePublisher, ensureStreams, type Nats } from '@fornax/event-store';
import { describeFollower } from '@fornax/testing/contracts';
import { followOutput } from './log-feed.js';

describeFollower<Nats>('the feed of output', {
  stream: STREAMS.logs,
  connect: (server) => connectNats({ ...server, name: 'test' }),
  makeStreams: (nc) => ensureStreams(nc),
  publish: async (nc, text) => {
    const publisher = new DurablePublisher(nc);
    await publisher.publish('fx.log.node-1.task.0.stdout', new TextEncoder().encode(text), { msgId: text });
    publisher.close();
  },
  follow: ({ nc, signal, pace, onHandled, onState }) =>
    followOutput(
      nc,
      {
        after: { sequence: 0, sentNs: 0n },
        signal,
        pace,
        onState,
        onError: () => undefined,
        onGoneBack: () => Promise.resolve(),
      },
      (batch) => {
        for (const { data } of batch) onHandled(new TextDecoder().decode(data));
        return Promise.resolve();
      },
    ),
  afterWipe: 'goes on',
});
