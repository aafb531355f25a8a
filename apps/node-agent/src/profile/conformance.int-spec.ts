import { spawn } from 'node:child_process';
import { chown, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from '@jest/globals';

import { type Column, COLUMNS, pageOf } from './conformance-page.fixture.js';
import { programOf, PROMISES, type SeenAtLevel, unseen } from './conformance-probe.fixture.js';
import { ROWS } from './conformance-rows.fixture.js';

/** The descriptor that a task wrote to once: beyond those that Node.js keeps from children by itself. */
const LEFT_OPEN = 20;
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const SLOW_MS = 120_000;
const root = new URL('../../../../', import.meta.url);
const PAGE = new URL('docs/reference/what-a-command-sees.md', root);

/** Runs the probe as this user, or as an ordinary one. */
const seenBy = async (who: 'root' | 'user'): Promise<Readonly<Record<string, SeenAtLevel>>> => {
  const workDir = await mkdtemp(join(tmpdir(), 'fornax-conformance-'));
  try {
    const node = [
      process.execPath,
      '--input-type=module',
      '-e',
      programOf((path) => new URL(path, root).href),
      workDir,
      join(workDir, 'operators-file'),
    ];
    const becomes = isRoot && who === 'user';
    if (becomes) await chown(workDir, NOBODY, NOBODY);
    const ordinary = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];
    const [program = '', ...args] = [...(becomes ? ordinary : []), ...node];
    const left = await open(join(workDir, 'operators-file'), 'w');
    const others = Array.from({ length: LEFT_OPEN - 3 }, () => 'ignore' as const);
    const child = spawn(program, args, { cwd: '/', stdio: ['ignore', 'pipe', 'inherit', ...others, left.fd] });
    const out = child.stdout ? await text(child.stdout) : '';
    await left.close();
    return JSON.parse(out.trim().split('\n').at(-1) ?? '') as Readonly<Record<string, SeenAtLevel>>;
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
};

/** What was seen in each column that this machine has, before any test is defined: the others are skipped. */
const seen = new Map<Column, Exclude<SeenAtLevel, string>>();
for (const who of isRoot ? (['root', 'user'] as const) : (['user'] as const)) {
  const levels = await seenBy(who);
  for (const column of COLUMNS) {
    const [of, level = ''] = column.split(', ');
    const rows = of === who ? levels[level] : undefined;
    if (typeof rows === 'object') seen.set(column, rows);
    else if (rows !== undefined) process.stderr.write(`not tested here: ${column}: ${rows}\n`);
  }
}

describe('docs/reference/what-a-command-sees.md', () => {
  for (const column of COLUMNS) {
    const rows = seen.get(column);
    (rows ? it : it.skip)(
      `holds what a command sees (${column})`,
      async () => {
        expect({ unseen: unseen(rows ?? {}), failed: rows?.['failed'] }).toEqual({ unseen: [], failed: undefined });
        const stored = await readFile(PAGE, 'utf8').catch(() => '');
        const page = pageOf({ [column]: rows }, stored);
        if (process.env['UPDATE_GENERATED'] === '1') await writeFile(PAGE, page);
        else expect(page.split('\n')).toEqual(stored.split('\n'));
      },
      SLOW_MS,
    );
  }

  for (const column of COLUMNS) {
    const rows = seen.get(column);
    (rows ? it : it.skip)(`is not all that instances are promised (${column})`, () =>
      expect(rows?.kept).toEqual(PROMISES),
    );
  }

  it('says why of all that is not as under docker run, and of nothing else', async () => {
    const lines = (await readFile(fileURLToPath(PAGE), 'utf8')).split('\n');
    const rows = lines.filter((line) => line.startsWith('| ') && /\(\d\) \|/.test(line));
    expect(rows.length).toBe(ROWS.length);
    const wrong = rows.filter((line) => {
      const [, , ...cells] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      const why = cells.pop() ?? '';
      return cells.includes('?') || cells.every((cell) => cell === '✓') !== (why === '');
    });
    expect(wrong).toEqual([]);
  });
});
