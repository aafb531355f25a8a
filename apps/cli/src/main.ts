import { once } from 'node:events';
import { run } from './run.js';

const interrupted = new AbortController();
process.on('SIGINT', () => interrupted.abort());
// A reader that has seen enough (`fornax task logs … | head`) is no failure.
process.stdout.on('error', () => process.exit(0));

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
  width: process.stdout.isTTY ? process.stdout.columns : undefined,
  isErrorTerminal: process.stderr.isTTY,
  ask: process.stdin.isTTY && process.stderr.isTTY ? ask : undefined,
  hasColors: process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
  signal: interrupted.signal,
});
