import { describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { platform } from './platform.js';
import { ask, runScript, submitScript } from './run-script.js';

describe('an instance that prints without end', () => {
  it('holds up no line of another, and loses nothing of what it has printed', async () => {
    // A connection of the setup's, which the door has closed for being idle, may come first: what is asked on it is asked again.
    await eventually(() => ask(platform, 'GET', '/info').catch(() => false));
    const flood = await submitScript(platform, 'yes');
    try {
      const begin = async (): Promise<Response> =>
        fetch(`${platform.apiUrl}/fornax/v1/tasks/${flood}/instances/0/stdout?offset=0&limit=4`, {
          headers: { authorization: platform.token },
        });
      const size = async (): Promise<number> => Number((await begin()).headers.get('fornax-total-bytes'));
      await eventually(async () => (await size()) > 2_000_000, { timeoutMs: 60_000 });
      // Read as soon as its task is over: a read waits ten seconds at most for what was printed before.
      expect(await runScript(platform, 'echo through')).toBe('0> through\n');
      expect(JSON.parse(await ask(platform, 'GET', `/tasks/${flood}`))).toMatchObject({ state: 'FullyExecuting' });
      const first = await begin();
      expect([first.headers.get('fornax-offset'), await first.text()]).toEqual(['0', 'y\ny\n']);
    } finally {
      await ask(platform, 'POST', `/tasks/${flood}/abort`);
    }
  }, 180_000);
});
