import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const BOOK = 'POST /fornax/v1/billing/accounts/ada/credits';
const ID = '0198a000-0000-7000-8000-0000000000aa';
const credits = { account: 'ada', isUnlimited: false, isExhausted: false, consumed: '0', remaining: '5', entries: [] };

describe('fornax credits', () => {
  const answers: Record<string, readonly [number, unknown]> = {};
  const platform = cannedPlatform({
    answers,
    stream: (_request, response) => {
      if (BOOK in answers) return false;
      response.destroy();
      return true;
    },
  });
  const { fornax } = platform;
  beforeAll(() => platform.start());
  afterAll(() => platform.stop());

  it('are booked under an id that is told when the answer is lost, so that asking again books nothing twice', async () => {
    const lost = await fornax('credits', 'grant', 'ada', '5');
    expect(lost.code).toBe(1);
    const [, told = ''] = /--id ([0-9a-f-]{36})/.exec(lost.stderr) ?? [];
    expect(platform.bodies.at(-1)).toEqual({ id: told, kind: 'grant', amount: '5' });

    answers[BOOK] = [200, credits];
    expect(await fornax('credits', 'grant', 'ada', '5', '--id', told)).toMatchObject({ code: 0, stderr: '' });
    expect(platform.bodies.at(-1)).toEqual({ id: told, kind: 'grant', amount: '5' });

    answers[BOOK] = [503, { message: 'The ledger is catching up with the log' }];
    expect((await fornax('credits', 'charge', 'ada', '5', '--id', ID)).stderr).toContain(`--id ${ID}`);
    answers[BOOK] = [409, { message: 'Something else was booked under this id' }];
    const refused = await fornax('credits', 'charge', 'ada', '5', '--id', ID);
    expect(refused).toMatchObject({ code: 1, stderr: 'Something else was booked under this id (HTTP 409)\n' });
  });
});
