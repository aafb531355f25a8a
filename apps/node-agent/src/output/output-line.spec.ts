import type { OutputReadReply, OutputReadRequest } from '@fornax/contracts';
import { describe, expect, it } from '@jest/globals';

import { OutputLine } from './output-line.js';

const CHUNK = 262_144;
const forever = new AbortController().signal;

/** A line whose questions about what was read are answered by the test; its clock stands. */
const lineAnswered = (answer: (request: OutputReadRequest) => Promise<OutputReadReply>): OutputLine =>
  new OutputLine({ ask: answer, bytesPerS: 0, onUnanswered: () => undefined, nowMs: () => 0 });

describe('the line of output of a node', () => {
  it('asks how far it was read once half of the window is unread, and goes on from there', async () => {
    const reaches: number[] = [];
    const line = lineAnswered(({ reach }) => {
      reaches.push(reach);
      return Promise.resolve({ read: reach, windowBytes: 4 * CHUNK, held: [] });
    });
    const share = line.open('task');
    for (let sequence = 1; sequence <= 20; sequence += 1) (await share.turn(CHUNK, forever))?.stored(sequence);
    line.close();
    expect(reaches.length).toBeGreaterThan(0);
    // Never for what was not sent.
    expect(Math.max(...reaches)).toBeLessThanOrEqual(20);
  });

  it('leaves whoever does not want a turn any more, and gives it to the next', async () => {
    const line = lineAnswered(() => new Promise(() => undefined));
    const [one, two, three] = ['1', '2', '3'].map((task) => line.open(task));
    const whole = 4 * CHUNK;
    const first = await one?.turn(whole, forever);
    const giving = new AbortController();
    const left = two?.turn(CHUNK, giving.signal);
    const next = three?.turn(CHUNK, forever);
    giving.abort();
    expect(await left).toBeUndefined();
    expect(await two?.turn(CHUNK, giving.signal)).toBeUndefined();
    first?.dropped();
    expect(await next).toBeDefined();
    line.close();
  });

  it('gives nobody a turn once it is closed', async () => {
    const line = lineAnswered(() => new Promise(() => undefined));
    const share = line.open('task');
    await share.turn(4 * CHUNK, forever);
    const waiting = share.turn(CHUNK, forever);
    line.close();
    expect(await waiting).toBeUndefined();
    // And whoever comes then does not wait for it.
    expect(await share.turn(CHUNK, forever)).toBeUndefined();
  });

  it('goes on slowly, and says so once, while nobody answers', async () => {
    let now = 0;
    const troubles: unknown[] = [];
    const line = new OutputLine({
      ask: () => {
        now += 1_000; // as long as the line waits after it
        return Promise.reject(new Error('nobody is there'));
      },
      bytesPerS: 0,
      onUnanswered: (error) => troubles.push(error),
      nowMs: () => now,
    });
    const share = line.open('task');
    for (let sequence = 1; sequence <= 6; sequence += 1) (await share.turn(CHUNK, forever))?.stored(sequence);
    line.close();
    expect(troubles).toHaveLength(1);
    expect(now).toBeGreaterThan(0);
  }, 30_000);
});
