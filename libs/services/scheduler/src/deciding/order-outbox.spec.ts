import { expect, test } from '@jest/globals';
import { silent } from '../leader/leader-rig.fixture.js';
import type { AddressedOrder } from '../view/orders.js';
import { OrderOutbox } from './order-outbox.js';

const cancelOf = (node: string, leaseId: string): AddressedOrder => ({
  node,
  order: { kind: 'cancel', leaseId, taskId: 't' },
});

/** An outbox whose messages are stored when the test says so. */
const outbox = () => {
  const sent: { readonly to: string | undefined; readonly leases: readonly string[]; readonly stored: () => void }[] =
    [];
  const box = new OrderOutbox({
    publish: (subject, data) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const orders = JSON.parse(new TextDecoder().decode(data)) as readonly { readonly leaseId: string }[];
      sent.push({ to: subject.split('.').at(-1), leases: orders.map(({ leaseId }) => leaseId), stored: resolve });
      return promise;
    },
    leaderEpoch: 1,
    logger: silent,
    signal: new AbortController().signal,
  });
  return { box, messages: () => sent.map(({ to, leases }) => [to, ...leases]), sent };
};
const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('where nothing is being sent, orders leave before the event loop turns, those that come together in one message for each node', async () => {
  const { box, messages } = outbox();
  let hasTurned = false;
  setImmediate(() => (hasTurned = true));
  // Continuations of one answer.
  const answered = Promise.resolve();
  await Promise.all(
    ['a', 'b', 'c'].map(async (lease) => {
      await answered;
      box.send([cancelOf('n', lease), cancelOf('m', lease)]);
    }),
  );
  for (let due = 0; due < 5; due += 1) await Promise.resolve();
  expect(hasTurned).toBe(false);
  expect(messages()).toEqual([
    ['n', 'a', 'b', 'c'],
    ['m', 'a', 'b', 'c'],
  ]);
});

test('what comes while a message is under way goes into the next one of its node, and other nodes wait for the whole turn', async () => {
  const { box, messages, sent } = outbox();
  box.send([cancelOf('n', 'a')]);
  await turnOfTheLoop();
  box.send([cancelOf('n', 'b'), cancelOf('m', 'b')]);
  await Promise.resolve();
  box.send([cancelOf('n', 'c'), cancelOf('m', 'c')]);
  expect(messages()).toEqual([['n', 'a']]);
  await turnOfTheLoop();
  expect(messages()).toEqual([
    ['n', 'a'],
    ['m', 'b', 'c'],
  ]);
  sent[0]?.stored();
  await turnOfTheLoop();
  expect(messages().at(-1)).toEqual(['n', 'b', 'c']);
});
