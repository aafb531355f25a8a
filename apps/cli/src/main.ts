import { once } from 'node:events';
import { interrupts } from './terminal/interrupts.js';
import { run } from './run.js';

const { signal, interrupt, asking } = interrupts({
  exit: (code) => process.exit(code),
  tell: (line) => void process.stderr.write(`${line}\n`),
});
process.on('SIGINT', interrupt);
/** What a shell says of a program that a closed pipe has ended (128 + SIGPIPE). */
const UNREAD = 141;
let goesOn = false;
process.stdout.on('error', () => {
  // Whoever looks on has seen enough (`fornax task logs … | head`), and of what was not shown nothing is said: 0 would say that it is well.
  if (!goesOn) process.exit(UNREAD);
});
// Nobody is left to be told of it.
process.stderr.on('error', () => undefined);

const ask = async (question: string): Promise<string> => {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  lines.on('SIGINT', () => lines.close());
  try {
    // Ctrl-C at the question, or no more input, is an empty answer.
    return await Promise.race([lines.question(question), once(lines, 'close').then(() => '')]);
  } finally {
    lines.close();
  }
};

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  // A terminal that was never told its size says 0.
  width: process.stdout.isTTY ? process.stdout.columns || 80 : undefined,
  height: () => process.stdout.rows || 24,
  isErrorTerminal: process.stderr.isTTY,
  ask: process.stdin.isTTY && process.stderr.isTTY ? (question) => asking(() => ask(question)) : undefined,
  hasColors: process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
  goOnUnread: () => void (goesOn = true),
  // Standard input is opened when somebody reads it.
  get streams() {
    return { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
  },
  signal,
});
