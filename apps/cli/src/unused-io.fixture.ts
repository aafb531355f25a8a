import type { Io } from './terminal/io.js';

const unused = (): never => {
  throw new Error('nothing is to run');
};

/** For a command line that is looked at and not run. */
export const unusedIo: Io = {
  print: unused,
  write: unused,
  writeRaw: unused,
  writeError: unused,
  ask: unused,
  table: unused,
  document: unused,
  rendered: unused,
  cut: unused,
  screen: unused,
  streams: unused,
  tell: unused,
  isWatched: unused,
  goOnUnread: unused,
  client: unused,
  env: {},
  cwd: '/nowhere',
  signal: new AbortController().signal,
  setExitCode: unused,
};
