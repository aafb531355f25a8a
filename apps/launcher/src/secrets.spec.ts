import { describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
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

describe('a master key that a command seals', () => {
  it('is made sealed, and stays when there is one', async () => {
    const data = await mkdtemp(join(tmpdir(), 'fornax-secrets-'));
    try {
      const folder = join(data, 'secrets');
      const places = {
        masterKeyFile: join(folder, 'master.key'),
        tokenFile: join(folder, 'token'),
        metricsTokenFile: join(folder, 'metrics-token'),
      };
      const screen = { say: () => undefined, write: () => undefined };
      const prepare = (command: readonly string[]) =>
        new Secrets(data, places, {
          settings: loadSettings({ FORNAX_MASTER_KEY_COMMAND: JSON.stringify(command) }),
          env: { PATH: process.env['PATH'] },
          screen,
        }).prepare();
      await expect(prepare(['/bin/false'])).rejects.toThrow('/bin/false could not encrypt the master key');
      expect(await readdir(folder)).toEqual(['master.key']);
      await prepare(['/bin/sh', '-c', 'printf sealed:; rev']);
      const [, reversed = ''] = /^sealed:(.*)\n$/.exec(await readFile(places.masterKeyFile, 'utf8')) ?? [];
      expect(Buffer.from([...reversed].reverse().join(''), 'base64')).toHaveLength(32);
      await prepare(['/bin/false']);
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  });
});
