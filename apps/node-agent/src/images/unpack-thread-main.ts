import { parentPort } from 'node:worker_threads';

import { codeOf } from '../files/job-files.js';
import { type Allowance, spendOf } from './layer-budget.js';
import { LayerRefused } from './tree-path.js';
import type { FromThread, ThreadWork, ToThread } from './unpack-by-thread.js';
import { unpackHere } from './unpack-here.js';

/** What a thread does that unpacks layers, one after the other: see `UnpackThreads`, which begins and ends it. */
const say = (what: FromThread): void => parentPort?.postMessage(what);
/** Of the layer that is unpacked. */
let onTurn = (): void => undefined;
let onGiven = (_: Readonly<Allowance>): void => undefined;
parentPort?.on('message', (told: ToThread) => {
  if (told.type === 'work') begin(told.work);
  else if (told.type === 'turn') onTurn();
  else onGiven(told.given);
});

const ask = (wanted: Readonly<Allowance>): Promise<Readonly<Allowance>> =>
  new Promise((resolve) => {
    onGiven = resolve;
    say({ type: 'wants', wanted });
  });
/** Saying so takes longer than reading a piece. */
const MOVED_EVERY = 16;

const begin = ({ file, mediaType, root, mostBytes, isInStep, early }: ThreadWork): void => {
  const turn = Promise.withResolvers<undefined>();
  onTurn = () => turn.resolve(undefined);
  const unspent: Allowance = { bytes: 0, files: 0 };
  let pieces = 0;
  const onMoved = (): void => {
    if ((pieces += 1) % MOVED_EVERY === 1) say({ type: 'moved' });
  };
  const options = {
    signal: new AbortController().signal,
    onMoved,
    spend: spendOf(unspent, ask),
    mostBytes,
    isInStep,
    turn: early === undefined ? undefined : { folder: early, comes: turn.promise },
  };
  unpackHere(file, mediaType, root, options)
    .then(
      (digest) => say({ type: 'done', digest, unspent }),
      (error: Error) => {
        if (error instanceof LayerRefused) say({ type: 'refused', message: error.message });
        else say({ type: 'failed', message: error.message, code: codeOf(error) });
      },
    )
    // What is said last is heard: the other side ends this thread.
    .catch(() => process.exit(1));
};
