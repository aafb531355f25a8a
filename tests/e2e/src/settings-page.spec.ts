import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = new URL('../../../', import.meta.url);

describe('docs/reference/settings.md', () => {
  it('holds the table that npm start prints', async () => {
    const { stdout } = spawnSync(process.execPath, [fileURLToPath(new URL('tools/start.mjs', root)), '--help-table'], {
      encoding: 'utf8',
    });
    expect(await readFile(new URL('docs/reference/settings.md', root), 'utf8')).toContain(stdout.trim());
  });
});
