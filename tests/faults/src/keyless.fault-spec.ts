import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, type RunningPlatform, startPlatform } from '@fornax/testing';
import { call, insist } from './work.js';

/** Statuses that official clients answer by sending the same again, without a key. */
const REPEATED = [429, 500, 502, 503, 504];
const MOST_REPEATS = 5;
/** Submissions that are answered before the log is killed: others are under way then, and more come after. */
const ANSWERED_BEFORE = 20;

interface Answer {
  readonly name: string;
  readonly status: number;
}

describe('kill -9 of the log under clients that repeat without a key', () => {
  let dataDir: string;
  let platform: RunningPlatform;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'fornax-keyless-'));
    platform = await startPlatform({ dataDir });
  });

  afterAll(async () => {
    await platform.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  /** As the Python SDK does. @returns the answer at last */
  const submitAsAClient = async (name: string): Promise<Answer> => {
    const body = JSON.stringify({
      name,
      profile: 'docker-batch',
      instanceCount: 1,
      constants: [{ key: 'DOCKER_CMD', value: 'echo once' }],
    });
    for (let repeats = 0; ; repeats += 1) {
      const { status } = await fetch(`${platform.apiUrl}/tasks`, {
        method: 'POST',
        headers: { authorization: platform.token, 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(30_000),
      });
      if (!REPEATED.includes(status) || repeats === MOST_REPEATS) return { name, status };
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** repeats));
    }
  };

  /** How many tasks that answer allows (ADR 0017): whoever is not told what became of a request may find it done, once. */
  const fits = ({ status }: Answer, tasks: number): boolean => {
    if (status === 200) return tasks === 1;
    // There is nothing else that these submissions could be in conflict with.
    const isUnknown = status === 504 || status === 409;
    return tasks === 0 || (isUnknown && tasks === 1);
  };

  it('makes one task of each submission', async () => {
    const names = Array.from({ length: 60 }, (_, n) => `keyless-${n}`);
    let answered = 0;
    const submitted = names.map(async (name, n) => {
      // Spread over the moment of the kill: some before, some in the midst, some after.
      await new Promise((resolve) => setTimeout(resolve, n * 10));
      const answer = await submitAsAClient(name);
      answered += 1;
      return answer;
    });
    await eventually(() => Promise.resolve(answered >= ANSWERED_BEFORE), { timeoutMs: 30_000 });
    const pid = (await platform.parts())['nats'];
    if (pid === undefined) throw new Error('the platform has no part nats');
    process.kill(pid, 'SIGKILL');
    const answers = await Promise.all(submitted);
    // Rows may be seconds behind when the log has just come back; what is lost, or there twice, stays so.
    const misfits = async (): Promise<readonly Answer[]> => {
      const tasks = await insist(
        () => call<readonly { readonly name: string }[]>(platform, 'GET', '/tasks'),
        'the tasks are listed',
      );
      const count = (name: string): number => tasks.filter((task) => task.name === name).length;
      return answers.filter((answer) => !fits(answer, count(answer.name)));
    };
    await eventually(async () => (await misfits()).length === 0, { timeoutMs: 60_000 }).catch(() => undefined);
    expect(await misfits()).toEqual([]);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(30);
  });
});
