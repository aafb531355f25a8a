import { describe, expect, it } from '@jest/globals';
import { type Decider, type TaskEvent, accept, reject } from '@fornax/domain';
import { cancelRequested, submitted } from '@fornax/testing';
import { type EventLog, VersionConflict } from '../log/event-log.js';
import { InMemoryLog } from '../in-memory/in-memory.event-log.js';
import { CommandRejected, Outrun, decideAndAppend, loadAggregate } from './decide-and-append.js';

interface Counted {
  readonly exists: boolean;
  readonly cancels: number;
}
type Command = 'submit' | 'cancel' | 'nothing';

const counter: Decider<Counted, Command, TaskEvent> = {
  initial: { exists: false, cancels: 0 },
  decide: (state, command) => {
    if (command === 'nothing') return accept();
    if (command === 'submit')
      return state.exists ? reject('conflict', 'task-exists', 'it exists') : accept<TaskEvent>(submitted('t'));
    return state.exists ? accept<TaskEvent>(cancelRequested) : reject('not-found', 'task-not-found', 'there is none');
  },
  evolve: (state, event) =>
    event.type === 'TaskSubmitted' ? { ...state, exists: true } : { ...state, cancels: state.cancels + 1 },
};

const meta = { actor: 'service:test' as const, source: 'test', correlationId: 'r' };
const run = (
  log: EventLog,
  command: Command,
  commitId: string,
  loaded?: { readonly state: Counted; readonly sequence: number },
) =>
  decideAndAppend({
    log,
    aggregate: 'task',
    id: 't',
    decider: counter,
    command,
    commitId,
    meta,
    at: 1,
    ...(loaded === undefined ? {} : { loaded }),
  });

describe('deciding and appending', () => {
  it('appends what was decided and gives the state after it', async () => {
    const log = new InMemoryLog();
    expect(await run(log, 'submit', 'c-1')).toMatchObject({
      sequence: 1,
      state: { exists: true },
      events: [{ type: 'TaskSubmitted' }],
    });
    expect(await run(log, 'cancel', 'c-2')).toMatchObject({ sequence: 2, state: { exists: true, cancels: 1 } });
  });

  it('appends nothing when there is nothing to do', async () => {
    const log = new InMemoryLog();
    await run(log, 'submit', 'c-1');
    expect(await run(log, 'nothing', 'c-2')).toMatchObject({ sequence: 1, events: [] });
    expect(await log.head()).toMatchObject({ sequence: 1 });
  });

  it('throws the rejection', async () => {
    await expect(run(new InMemoryLog(), 'cancel', 'c-1')).rejects.toMatchObject({
      rejection: { code: 'task-not-found' },
    });
    await expect(run(new InMemoryLog(), 'cancel', 'c-1')).rejects.toBeInstanceOf(CommandRejected);
  });

  it('decides again on the tail when somebody else came first', async () => {
    const log = new InMemoryLog();
    await run(log, 'submit', 'c-1');
    const loaded = await loadAggregate(log, 'task', 't', counter);
    await run(log, 'cancel', 'c-2');
    expect(await run(log, 'cancel', 'c-3', loaded)).toMatchObject({ sequence: 3, state: { cancels: 2 } });
  });

  it('decides on what is left when the fold at hand is made of commits that the log has lost', async () => {
    const log = new InMemoryLog();
    await run(log, 'submit', 'c-1');
    const loaded = { state: { exists: true, cancels: 5 }, sequence: 6 };
    expect(await run(log, 'cancel', 'c-2', loaded)).toMatchObject({ sequence: 2, state: { cancels: 1 } });
    await expect(run(new InMemoryLog(), 'cancel', 'c-3', loaded)).rejects.toMatchObject({
      rejection: { code: 'task-not-found' },
    });
  });

  it('gives the first answer when a command is repeated', async () => {
    const log = new InMemoryLog();
    const first = await run(log, 'submit', 'c-1');
    await run(log, 'cancel', 'c-2');
    expect(await run(log, 'submit', 'c-1')).toEqual(first);
    expect(await run(log, 'submit', 'c-1', { state: counter.initial, sequence: 0 })).toEqual(first);
  });

  it('wins against a writer that yields when it is asked to', async () => {
    const log = new InMemoryLog();
    await run(log, 'submit', 'c-0');
    let writes = 0;
    let hasYielded = false;
    log.onAskedToYield('task', (id) => (hasYielded = id === 't'), AbortSignal.timeout(60_000));
    /** Another writer is faster, always, until it yields. */
    const raced: EventLog = Object.create(log, {
      append: {
        value: async (...args: Parameters<EventLog['append']>) => {
          if (!hasYielded) {
            const { sequence } = await log.head();
            await log.append(
              'task',
              't',
              { id: `rival-${(writes += 1)}`, events: [cancelRequested], meta, at: 1 },
              sequence,
            );
          }
          return log.append(...args);
        },
      },
    });
    expect(await run(raced, 'cancel', 'c-1')).toMatchObject({ state: { cancels: writes + 1 } });
    expect(writes).toBe(1);
  });

  it('goes on, decided on the newest state, when nobody heard that it waits', async () => {
    const log = new InMemoryLog();
    await run(log, 'submit', 'c-0');
    let writes = 0;
    const raced: EventLog = Object.create(log, {
      append: {
        value: async (...args: Parameters<EventLog['append']>) => {
          if (writes < 25) {
            const { sequence } = await log.head();
            await log.append(
              'task',
              't',
              { id: `rival-${(writes += 1)}`, events: [cancelRequested], meta, at: 1 },
              sequence,
            );
          }
          return log.append(...args);
        },
      },
    });
    expect(await run(raced, 'cancel', 'c-1')).toMatchObject({ state: { cancels: 26 } });
  });

  it('says how often it was beaten when its time is over', async () => {
    const log = new InMemoryLog();
    const beaten: EventLog = Object.create(log, {
      append: { value: () => Promise.reject(new VersionConflict('task', 't', 0)) },
    });
    const request = {
      log: beaten,
      aggregate: 'task',
      id: 't',
      decider: counter,
      command: 'submit',
      commitId: 'c',
      meta,
      at: 1,
      patienceMs: 30,
    } as const;
    const error: unknown = await decideAndAppend(request).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(Outrun);
    expect(String(error)).toMatch(
      /The task changed \d+ times while this was being decided, so nothing was done: try again/,
    );
  });
});
