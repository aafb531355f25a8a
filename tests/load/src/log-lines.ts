import type { RunningPlatform } from '@fornax/testing/platform';
import { LoadClient } from './api.js';

/**
 * Lines/s of one instance that prints as fast as it can, from the submission to the last line that a reader of fresh output sees.
 * @throws Error a line is missing or out of place
 */
export const logLines = async (platform: RunningPlatform, lines: number): Promise<number> => {
  const client = new LoadClient(platform, 1);
  try {
    const started = performance.now();
    const { uuid } = await client.call<{ readonly uuid: string }>('POST', '/tasks', {
      name: 'lines',
      profile: 'docker-batch',
      instanceCount: 1,
      constants: [{ key: 'DOCKER_CMD', value: `seq 1 ${lines}` }],
    });
    let rest = '';
    let seen = 0;
    while (seen < lines) {
      const fresh = await client.text('POST', `/tasks/${uuid}/stdout/0`);
      if (fresh === '') {
        await new Promise((resolve) => setTimeout(resolve, 20));
        continue;
      }
      const parts = `${rest}${fresh}`.split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts) {
        seen += 1;
        if (line !== String(seen)) throw new Error(`line ${seen} is ${line.slice(0, 40)}`);
      }
    }
    return lines / ((performance.now() - started) / 1_000);
  } finally {
    client.close();
  }
};
