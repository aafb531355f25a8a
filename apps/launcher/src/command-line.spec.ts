import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programsFolder, provideProgram } from './command-line.js';
import { renderEnvFile } from './runtime-files.js';

let data: string;
const typed = (command: string, env: Readonly<Record<string, string>> = {}): string =>
  execFileSync('/bin/sh', ['-c', command], { encoding: 'utf8', cwd: '/', env: { PATH: '/bin:/usr/bin', ...env } });

beforeAll(async () => {
  // A folder that a careless program would not find again.
  data = mkdtempSync(join(tmpdir(), "fornax it's $HOME "));
  const program = join(data, 'program.mjs');
  writeFileSync(program, 'console.log(JSON.stringify([process.env.FORNAX_DATA_DIR, ...process.argv.slice(2)]));');
  await provideProgram(data, program);
  await provideProgram(data, program);
  const addresses = { apiUrl: 'http://api', storageUrl: 'http://storage', apiPort: 1, storagePort: 2 };
  const identity = { email: 'a@b', token: 't' };
  writeFileSync(join(data, 'env'), renderEnvFile(addresses, identity, programsFolder(data)));
});
afterAll(() => rmSync(data, { recursive: true }));

it('the program of a data folder runs from everywhere, for the platform of that folder unless another one is meant', () => {
  const program = join(programsFolder(data), 'fornax');
  expect(JSON.parse(typed('"$P" task "a b"', { P: program }))).toEqual([data, 'task', 'a b']);
  expect(JSON.parse(typed('"$P"', { P: program, FORNAX_DATA_DIR: '/other' }))).toEqual(['/other']);
});

it('the env file puts it on PATH, once', () => {
  const [said = '', path = ''] = typed('. "$D/env"; . "$D/env"; fornax x; echo "$PATH"', { D: data }).split('\n');
  expect(JSON.parse(said)).toEqual([data, 'x']);
  expect(path).toBe(`${programsFolder(data)}:/bin:/usr/bin`);
});
