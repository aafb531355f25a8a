import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { minimal, startHarness, submitTo, type Answer, type Harness } from './submission.fixture.js';

const SLOW_MS = 240_000;
let harness: Harness;

beforeAll(async () => {
  harness = await startHarness({ FORNAX_LOG_LEVEL: 'silent' });
}, SLOW_MS);

afterEach(() => harness.wire.heal());
afterAll(() => harness.close(), SLOW_MS);

/** Statuses that official clients answer by sending the same again, without a key (contract, 1.9). */
const REPEATED = [429, 500, 502, 503, 504];

/** Sends a request as an official client does: up to five times more, a moment after each such answer. */
const asAClient = async (method: string, path: string, body?: unknown): Promise<Answer> => {
  for (let tries = 1; ; tries += 1) {
    const answer = await harness.call(method, path, body);
    if (!REPEATED.includes(answer.status) || tries > 5) return answer;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
};

/** How many tasks of a name the log has, deleted ones too; asked beside the wire, if need be. */
const named = async (name: string): Promise<number> => {
  let count = 0;
  for await (const commits of harness.logItself.read({ from: 1, aggregates: ['task'] }))
    for (const { events } of commits)
      count += events.filter((event) => event.type === 'TaskSubmitted' && event.spec.name === name).length;
  return count;
};

describe('a command of which the answer of the log is lost', () => {
  const repeated = { ...minimal, name: 'repeated' };
  const distinct = { ...minimal, name: 'distinct' };
  const keyed = { ...minimal, name: 'keyed' };
  const withKey = { 'idempotency-key': 'lost' };
  const bulk = ['bulk one', 'bulk two', 'bulk three'].map((name) => ({
    ...minimal,
    name,
    shortname: name.replace(' ', '-'),
  }));
  const told = new Map<string, Answer>();
  const ids = new Map<string, string>();
  const commands = ['clone', 'abort', 'delete'];
  const change = (command: string): Promise<Answer> =>
    command === 'delete'
      ? harness.call('DELETE', `/tasks/${ids.get(command)}`)
      : harness.call('POST', `/tasks/${ids.get(command)}/${command}`);

  beforeAll(async () => {
    for (const command of commands) ids.set(command, await submitTo(harness, { name: `to ${command}` }));
    harness.wire.mute();
    const ask = async (name: string, answer: Promise<Answer>): Promise<void> => void told.set(name, await answer);
    await Promise.all([
      ask('repeated', harness.call('POST', '/tasks', repeated)),
      ask('distinct', harness.call('POST', '/tasks', distinct)),
      ask('bulk', harness.call('POST', '/tasks', bulk)),
      ask('keyed', harness.call('POST', '/tasks', keyed, { headers: withKey })),
      ...commands.map((command) => ask(command, change(command))),
    ]);
    harness.wire.heal();
  }, SLOW_MS);

  it('makes one task however often a client repeats it, and another one when it is asked for once more', async () => {
    const first = told.get('repeated');
    expect([first?.status, first?.text]).toEqual([
      504,
      expect.stringMatching(/nobody can say yet whether the task [-0-9a-f]+ was created/),
    ]);
    const second = await asAClient('POST', '/tasks', repeated);
    expect(second.status).toBe(200);
    expect(first?.text).toContain(String(second.json()['uuid']));
    expect(await named('repeated')).toBe(1);
    // Answered: the same once more is meant.
    expect((await harness.call('POST', '/tasks', repeated)).json()['uuid']).not.toBe(second.json()['uuid']);
    expect(await named('repeated')).toBe(2);
  });

  it('is not taken for one of another account, or one that differs', async () => {
    expect(told.get('distinct')?.status).toBe(504);
    const other = await harness.addAccount();
    const elsewhere = await harness.call('POST', '/tasks', distinct, { token: other });
    const differs = await harness.call('POST', '/tasks', { ...distinct, tags: ['x'] });
    const again = await harness.call('POST', '/tasks', distinct);
    expect([elsewhere.status, differs.status, again.status]).toEqual([200, 200, 200]);
    expect(new Set([elsewhere, differs, again].map((answer) => answer.json()['uuid'])).size).toBe(3);
    expect(await named('distinct')).toBe(3);
  });

  it('is told for each task of a bulk, and those that come again are the same ones', async () => {
    const first = told.get('bulk');
    expect([first?.status, JSON.parse(first?.text ?? '')]).toMatchObject([
      207,
      [{ statusCode: 504 }, { statusCode: 504 }, { statusCode: 504 }],
    ]);
    const second = await harness.call('POST', '/tasks', bulk);
    expect([second.status, JSON.parse(second.text)]).toMatchObject([
      200,
      [{ statusCode: 200 }, { statusCode: 200 }, { statusCode: 200 }],
    ]);
    for (const { name } of bulk) expect(await named(name)).toBe(1);
  });

  it('is sent again with its key, and done once', async () => {
    const first = told.get('keyed');
    expect([first?.status, first?.text]).toEqual([504, expect.stringContaining('with the same Idempotency-Key')]);
    const [second, third] = [
      await harness.call('POST', '/tasks', keyed, { headers: withKey }),
      await harness.call('POST', '/tasks', keyed, { headers: withKey }),
    ];
    expect([second.status, third.text]).toEqual([200, second.text]);
    expect(await named('keyed')).toBe(1);
  });

  it.each(commands)('%s is carried out once, and answered as it was', async (command) => {
    expect(told.get(command)?.status).toBe(504);
    expect((await change(command)).status).toBe(200);
    const commits = await harness.log.readAggregate('task', ids.get(command) ?? '');
    const events = commits.map(({ events: [event] }) => event?.type);
    expect(await named(`to ${command}`)).toBe(command === 'clone' ? 2 : 1);
    const expected = { clone: [], abort: ['TaskCancelRequested'], delete: ['TaskDeleteRequested'] };
    expect(events.slice(1)).toEqual(Object.entries(expected).find(([name]) => name === command)?.[1]);
  });
});

describe('a submission', () => {
  it(
    'is found out when the log answers in time',
    async () => {
      harness.wire.mute();
      const answer = harness.call('POST', '/tasks', { ...minimal, name: 'found out' });
      await eventually(async () => (await named('found out')) === 1);
      harness.wire.heal();
      expect((await answer).status).toBe(200);
      expect(await named('found out')).toBe(1);
    },
    SLOW_MS,
  );

  it(
    'is one task when the log was killed right after it took it',
    async () => {
      harness.wire.mute();
      const answer = asAClient('POST', '/tasks', { ...minimal, name: 'killed' });
      await eventually(async () => (await named('killed')) === 1);
      await harness.crashNats();
      harness.wire.heal();
      expect((await answer).status).toBe(200);
      // The spec's own connection has to come back, too.
      expect(await eventually(() => named('killed'))).toBe(1);
    },
    SLOW_MS,
  );

  it(
    'is nothing, for sure, while there is no connection: 503, and no task turns up later',
    async () => {
      harness.wire.cut();
      const answers = [];
      // The first one may have been on its way when the connection went.
      for (let n = 0; n < 2; n += 1)
        answers.push(await harness.call('POST', '/tasks', { ...minimal, name: `nothing ${n}` }));
      expect(answers.at(-1)?.status).toBe(503);
      harness.wire.heal();
      // Until the connection is back, the answer is the same.
      const something = () => harness.call('POST', '/tasks', { ...minimal, name: 'something' });
      await eventually(async () => (await something()).status === 200);
      expect(await named('nothing 1')).toBe(0);
    },
    SLOW_MS,
  );
});
