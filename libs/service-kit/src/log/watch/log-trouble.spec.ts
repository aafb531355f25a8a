import { describe, expect, it } from '@jest/globals';
import { messageOf, stopFor, troubleWith, waysOutOf, type LogTrouble } from './log-trouble.js';

const known = { epoch: 'one', sequence: 10, messageId: 'tenth' };
const kindOf = async (epoch: string, sequence: number, idAt10: string | undefined = 'tenth') =>
  (await troubleWith({ epoch, sequence }, known, () => Promise.resolve(idAt10)))?.kind;

describe('a log compared with what is known of it', () => {
  it('is the right one when it has what was read, and more', async () => {
    expect([await kindOf('one', 10), await kindOf('one', 99)]).toEqual([undefined, undefined]);
  });

  it('went back when it ends earlier, and is another one when its epoch is', async () => {
    expect([await kindOf('one', 9), await kindOf('two', 99), await kindOf('two', 0)]).toEqual([
      'went-back',
      'replaced',
      'replaced',
    ]);
  });

  it('went another way when another commit stands where the last one was read', async () => {
    expect(await kindOf('one', 12, 'another tenth')).toBe('forked');
  });

  it('is not blamed for what is not known: no id in a mark, or none in the log', async () => {
    expect(await troubleWith({ epoch: 'one', sequence: 12 }, { ...known, messageId: undefined }, fail)).toBeUndefined();
    expect(await troubleWith({ epoch: 'one', sequence: 12 }, known, () => Promise.resolve(undefined))).toBeUndefined();
  });

  it('is gone when there is none', async () => {
    expect((await troubleWith(undefined, known, fail))?.kind).toBe('gone');
  });

  it('is never given up without saying what that costs', () => {
    const wiped: LogTrouble = { kind: 'replaced', known, head: { epoch: 'two', sequence: 0 } };
    expect(messageOf(wiped)).toBe('The event log is another one: it was wiped or replaced, and is empty');
    const [first, second] = waysOutOf(wiped);
    expect(first).toMatch(/^Put the newer copy of the NATS folder back/);
    expect(second).toMatch(
      /^First make a copy of the whole data folder.*fornax log accept two\/0 names what will be lost/,
    );
    expect(stopFor({ kind: 'went-back', known, head: { epoch: 'one', sequence: 7 } })).toMatchObject({
      status: 503,
      message: 'The event log went back: it ends at 7, but was read up to 10. So 3 commits are missing',
      ways: [
        expect.stringMatching(/^Put the newer copy/),
        expect.stringMatching(/archive.*fornax log restore$/),
        expect.stringMatching(/^Accept the log as it is/),
      ],
    });
  });
});

const fail = (): never => {
  throw new Error('not to be asked');
};
