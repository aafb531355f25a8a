import { describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secrets } from './secrets.js';
import { loadSettings } from './settings.js';

describe('the token for figures', () => {
  it('is that of the start: a folder that is gone by then is not begun anew by it', async () => {
    const data = await mkdtemp(join(tmpdir(), 'fornax-secrets-'));
    try {
      const folder = join(data, 'secrets');
      await mkdir(folder);
      const places = {
        masterKeyFile: join(folder, 'master.key'),
        tokenFile: join(folder, 'token'),
        metricsTokenFile: join(folder, 'metrics-token'),
      };
      const said: string[] = [];
      const screen = { say: (line: string) => void said.push(line), write: () => undefined };
      const secrets = new Secrets(data, places, { settings: loadSettings({}), env: {}, screen });
      await secrets.prepare();
      const token = await secrets.metricsToken();
      await rm(folder, { recursive: true });
      expect(await secrets.metricsToken()).toBe(token);
      expect(await readdir(data)).toEqual([]);
      expect(said).toEqual([]);
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  });
});
