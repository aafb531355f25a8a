import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { orderOf, runInit, testsOf } from '../sandbox/driver.fixture.js';
import { sanitizedInit, shippedInit } from './sanitized-init.fixture.js';

const SETUP_FAILED = 125;
const NOT_FOUND = 127;
/** And the number of the signal, as a shell says it. */
const SIGNALED = 128;
const SLOW_MS = 120_000;
const runs = { numRuns: 150 };

/** No program of this machine, whatever a change makes of it. */
const NO_PROGRAM = '/no/such/program/fornax';
const numbers = fc.oneof(
  fc.constantFrom(
    '0',
    '1',
    '2',
    '3',
    '-1',
    '08',
    '1e9',
    ' 1',
    '8388609',
    '18446744073709551615',
    '99999999999999999999',
    '',
  ),
  fc.nat().map(String),
);
const words = fc.oneof(numbers, fc.constantFrom(NO_PROGRAM, 'A=b', '=', 'é', 'x'.repeat(70_000)));
/** An order whose numbers need not be right, a part of one, and bytes of any kind. */
const orders = fc.oneof(
  fc.array(words, { maxLength: 12 }).map((list) => Buffer.from(list.join('\0'))),
  fc
    .tuple(numbers, numbers, numbers, fc.array(words, { maxLength: 6 }))
    .map(([until, args, entries, rest]) => Buffer.from([until, args, entries, NO_PROGRAM, ...rest, ''].join('\0'))),
  fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 }), fc.nat({ max: 60 })).map(([at, byte, length]) => {
    const whole = Buffer.from(orderOf([NO_PROGRAM, 'argument'], ['A=b']));
    if (at < whole.length) whole.writeUInt8(byte, at);
    return whole.subarray(0, length);
  }),
  fc.uint8Array({ maxLength: 4_096 }).map((bytes) => Buffer.from(bytes)),
);

const framed = (text: Uint8Array, lie: number): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE((text.length + lie) >>> 0);
  return Buffer.concat([length, text]);
};
// No option that mounts or enters anything: a first process of somebody who is root would do it.
const requestWords = fc.oneof(
  numbers,
  fc.constantFrom('run', 'got', 'kill', '--aim', 'group', 'all', '--directory', '/no/such/folder', '--no-such-option'),
);
const requests = fc.array(
  fc.oneof(
    fc
      .tuple(
        fc.array(requestWords, { maxLength: 6 }),
        fc.constantFrom('\0', ''),
        fc.constantFrom(0, 0, 0, 1, -1, 2 ** 31),
      )
      .map(([list, end, lie]) => framed(Buffer.from(list.join('\0') + end), lie)),
    fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  ),
  { maxLength: 8 },
);

/** Orders to hold all for a time, or to tell those who handle it of a signal; right, and not. */
const longOrders = fc
  .tuple(
    fc.constantFrom('HOLD ', 'TELL ', 'HOLD', 'TELL', 'HOLD  '),
    fc.oneof(numbers, fc.constantFrom('USR1', 'HUP', 'KILL', 'CONT', 'x')),
  )
  .map(([order, about]) => `${order}${about}\n`);
/** Lines for a command that runs, those of signals among them, and what is none. */
const signals = fc
  .array(
    fc.oneof(
      longOrders,
      fc.constantFrom('TERM\n', 'KILL\n', 'INT\n', 'STOP\n', 'CONT\n', 'USR1\n', '\n', 'TERM', 'K', 'x'.repeat(200)),
      fc.string({ unit: 'binary', maxLength: 20 }),
    ),
    { maxLength: 8 },
  )
  .map((lines) => Buffer.from(lines.join('')));

const BUILDS = [
  ['as it is shipped', await shippedInit()],
  ['built with sanitizers', await sanitizedInit()],
] as const;

describe.each(BUILDS)('the first process, %s,', (_, build) => {
  const here = testsOf(build);
  // What forks of it write of their faults is in no code of an exit.
  afterEach(async () => {
    expect((await build?.reports()) ?? '').toBe('');
  });
  afterAll(() => build?.close());

  here(
    'runs nothing and ends by itself, never by a fault, whatever its order is',
    (build) =>
      fc.assert(
        fc.asyncProperty(orders, async (order) => {
          const { code, out } = await runInit(order, { build });
          expect([SETUP_FAILED, NOT_FOUND]).toContain(code);
          expect(out).toBe('');
        }),
        runs,
      ),
    SLOW_MS,
  );

  here(
    'that starts others ends by itself, never by a fault, whatever is asked of it',
    ({ program, env }) =>
      fc.assert(
        fc.asyncProperty(requests, async (list) => {
          const server = spawn(program, ['--serve'], { stdio: ['pipe', 'ignore', 'ignore'], env });
          server.stdin.on('error', () => undefined);
          server.stdin.end(Buffer.concat(list));
          const [code, signal] = (await once(server, 'exit')) as [number | null, string | null];
          expect([0, SETUP_FAILED]).toContain(code);
          expect(signal).toBeNull();
        }),
        runs,
      ),
    SLOW_MS,
  );

  here(
    'ends with its command, or when nobody is left to tell it anything, whatever it is told meanwhile',
    (build) =>
      fc.assert(
        fc.asyncProperty(signals, async (told) => {
          const { code } = await runInit(orderOf(['sleep', '60']), { build, signals: told });
          expect(code).toBeGreaterThan(SIGNALED);
        }),
        { numRuns: 50 },
      ),
    SLOW_MS,
  );
});
