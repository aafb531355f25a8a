import { describe, expect, it } from '@jest/globals';
import { LostSessions } from './lost-sessions.js';

const of = (taskId: string, carrier: string) => ({ taskId, owner: 'o', session: `s-${taskId}`, instance: 0, carrier });

interface Given {
  readonly alive?: readonly string[];
  readonly undecidable?: readonly string[];
}

/** One whose looks find these sessions open, and their carriers gone, but for those that live. */
const looking = (open: readonly ReturnType<typeof of>[], { alive = [], undecidable = [] }: Given = {}) => {
  const ended: string[] = [];
  const warned: object[] = [];
  const lost = new LostSessions(
    { all: async () => open },
    { own: 'own', goneAmong: async (carriers) => new Set(carriers.filter((one) => !alive.includes(one))) },
    { recorded: [], carries: () => true, end: () => undefined },
    {
      lost: async (taskId) => {
        if (undecidable.includes(taskId)) throw new Error('its log is stopped');
        ended.push(taskId);
      },
    },
    { info: () => undefined, warn: (fields) => void warned.push(fields) },
  );
  return { lost, ended, warned };
};

describe('a look at sessions that nobody carries any more', () => {
  it('ends those behind one whose end cannot be told', async () => {
    const { lost, ended, warned } = looking([of('1', 'gone'), of('2', 'gone'), of('3', 'gone')], {
      undecidable: ['1'],
    });
    await lost.look();
    expect(ended).toEqual(['2', '3']);
    expect(warned).toEqual([expect.objectContaining({ task: '1', session: 's-1' })]);
  });

  it('leaves those whose process lives', async () => {
    const { lost, ended } = looking([of('1', 'there'), of('2', 'gone'), of('3', 'there')], { alive: ['there'] });
    await lost.look();
    expect(ended).toEqual(['2']);
  });
});
