import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { cannedPlatform } from './canned-platform.fixture.js';
import { GROUPS } from './groups.js';
import { buildProgram } from './program.js';
import { unusedIo as io } from './unused-io.fixture.js';

const platform = cannedPlatform({ answers: {} });
const { fornax } = platform;
beforeAll(platform.start);
afterAll(platform.stop);

const described = (program: Command) =>
  Object.fromEntries(program.commands.map((command) => [command.name(), command.description()]));

describe('the commands of the first level', () => {
  it('are called and described before they are read as they are after it', async () => {
    expect(described(await buildProgram(io))).toEqual(described(await buildProgram(io, [])));
    expect(GROUPS.flatMap(({ names }) => Object.keys(names)).length).toBeGreaterThan(25);
  });

  it('are read one at a time', async () => {
    const program = await buildProgram(io, ['task', 'list']);
    const read = program.commands.filter((command) => command.commands.length > 0).map((command) => command.name());
    expect(read).toEqual(['task']);
  });

  it('are read for their help, too', async () => {
    expect(await fornax('help', 'bucket')).toMatchObject({ code: 0, stdout: expect.stringContaining('upload') });
    expect(await fornax('bucket', '--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('upload') });
  });
});

it('fornax --version says which one this is', async () => {
  expect(await fornax('--version')).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    stderr: '',
  });
});

it.each([
  ['tsak', 'task'],
  ['buckets', 'bucket'],
  ['task lst', 'list'],
])('a misspelt command (%s) is met with a suggestion', async (words, meant) => {
  expect(await fornax(...words.split(' '))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`Did you mean ${meant}?`),
  });
});
