import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { MessageEnd } from './message-end.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fornax-message-end-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Both ends of a new pipe, the writing one as the first process's agent has it. */
const pipe = (name: string): { readonly reader: number; readonly end: MessageEnd } => {
  const path = join(folder, name);
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, end: new MessageEnd(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)) };
};
const readAll = (reader: number): Promise<string> => text(new Socket({ fd: reader, readable: true, writable: false }));

it('has written the message and closed the pipe when it returns', () => {
  const { reader, end } = pipe('short');
  end.end('what to run');
  const bytes = Buffer.alloc(100);
  expect(bytes.toString('utf8', 0, readSync(reader, bytes))).toBe('what to run');
  // The end of the pipe; one that is still open would throw EAGAIN.
  expect(readSync(reader, bytes)).toBe(0);
  closeSync(reader);
});

it('brings more than a pipe holds, whole', async () => {
  const { reader, end } = pipe('long');
  const message = `${'é'.repeat(700_000)}.`;
  end.end(message);
  expect(await readAll(reader)).toBe(message);
});

it('takes one message, and is closed without one', async () => {
  const [one, other] = [pipe('one'), pipe('other')];
  one.end.end('first');
  one.end.end('second');
  one.end.destroy();
  other.end.destroy();
  other.end.end('late');
  expect(await Promise.all([readAll(one.reader), readAll(other.reader)])).toEqual(['first', '']);
});

it('does not throw when its reader is gone, be it before or in the middle', async () => {
  const [before, meanwhile] = [pipe('before'), pipe('meanwhile')];
  closeSync(before.reader);
  before.end.end('nobody reads this');
  meanwhile.end.end('x'.repeat(1_000_000));
  closeSync(meanwhile.reader);
  await new Promise((resolve) => setImmediate(resolve));
  meanwhile.end.destroy();
});
