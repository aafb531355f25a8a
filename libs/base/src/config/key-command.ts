import { spawnSync } from 'node:child_process';
import { z } from 'zod';
import { ConfigError, type Env } from './load-config.js';

const SETTING = 'FORNAX_MASTER_KEY_COMMAND';
const WAIT_MS = 30_000;
const MOST_BYTES = 65_536;
const MOST_SAID_CHARS = 300;

const commandSchema = z.tuple([z.string().min(1)], z.string());

/** A program that seals and opens the master key, as a key management service does, and its arguments. */
export type KeyCommand = z.output<typeof commandSchema>;

const jsonOrNothing = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Reads `FORNAX_MASTER_KEY_COMMAND`: a program and its arguments as a list in JSON. No shell is asked. @throws ConfigError */
export const keyCommandOf = (text: string): KeyCommand => {
  const command = commandSchema.safeParse(jsonOrNothing(text));
  if (command.success) return command.data;
  throw new ConfigError([
    `${SETTING}: must be a program and its arguments as a list of texts in JSON, ["kms", "--key", "k1"] say`,
  ]);
};

/** What the program is told of this process: nothing of the platform's own, which holds passwords. */
const variablesFor = (env: Env): Env =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('FORNAX_')));

/** What a program said, less what it was told: one that repeats its input would print the master key. */
const without = (input: string, said: string): string => {
  const told = input.trim();
  return told === '' ? said : said.replaceAll(told, '[its input]');
};

/**
 * Has a text sealed or opened: the program is run with `encrypt` or `decrypt` as its last argument, reads the text and writes the other one. Neither is ever an argument.
 * For the start of a process alone: it waits for the program, thirty seconds at most.
 * @returns what it wrote, without white space at its ends
 * @throws ConfigError it failed, with what it said of that
 */
export const runKeyCommand = (
  [program, ...args]: KeyCommand,
  what: 'encrypt' | 'decrypt',
  text: string,
  env: Env,
): string => {
  const { error, status, signal, stdout, stderr } = spawnSync(program, [...args, what], {
    input: text,
    encoding: 'utf8',
    env: variablesFor(env) as NodeJS.ProcessEnv,
    timeout: WAIT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: MOST_BYTES,
    shell: false,
  });
  const written = stdout?.trim() ?? '';
  // It need not read all that it is told.
  const stoppedReading = (error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE';
  if ((error === undefined || stoppedReading) && status === 0 && written !== '') return written;
  const how = status === 0 ? 'it wrote nothing' : (error?.message ?? `it ended with ${signal ?? `code ${status}`}`);
  const said = without(text, stderr ?? '')
    .trim()
    .slice(0, MOST_SAID_CHARS);
  const why = said === '' ? how : `${how}: ${said}`;
  throw new ConfigError([`${SETTING}: ${program} could not ${what} the master key: ${why}`]);
};
