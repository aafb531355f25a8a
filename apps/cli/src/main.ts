import { run } from './run.js';

const interrupted = new AbortController();
process.on('SIGINT', () => interrupted.abort());
// A reader that has seen enough (`fornax task logs … | head`) is no failure.
process.stdout.on('error', () => process.exit(0));

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  width: process.stdout.isTTY ? process.stdout.columns : undefined,
  isErrorTerminal: process.stderr.isTTY,
  hasColors: process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
  signal: interrupted.signal,
});
