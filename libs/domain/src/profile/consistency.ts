import { valueProblem } from './constant-value.js';
import type { ProfileConstant } from './profile.js';

/** What an instance does, and what is done with it, so that the files of a snapshot of it are of one moment. Nothing of it unless its task says so. */
export interface Consistency {
  /** Told before the files are copied, and after, to those of its processes that handle it. */
  readonly signal?: string;
  readonly signalAfter?: string;
  /** A file in the working directory that its program makes once its state is written. */
  readonly readyFile?: string;
  /** How long is waited: at most, for the file; where there is none, after the signal. */
  readonly readyMs: number;
  /** Whether a snapshot fails when the file does not come in time; else it is taken, and a note says so. */
  readonly failsUnready: boolean;
  /** How long all of its processes stand still at most, while the files are copied. */
  readonly freezeMs?: number;
  /** The exit code by which its program says that its state is saved, and that it wants to begin again. */
  readonly exitCode?: number;
}

const SIGNALS = { pattern: '^(?:USR1|USR2|HUP)$', says: 'USR1, USR2 or HUP' };
const DEFAULT_READY_S = 10;

const signal: ProfileConstant = {
  name: 'SNAPSHOT_SIGNAL',
  type: 'string',
  form: SIGNALS,
  description: 'Signal that programs of an instance which handle it get before a snapshot copies their files',
};
const signalAfter: ProfileConstant = {
  name: 'SNAPSHOT_SIGNAL_AFTER',
  type: 'string',
  form: SIGNALS,
  description: 'Signal that they get when the files are copied',
};
const readyFile: ProfileConstant = {
  name: 'SNAPSHOT_READY_FILE',
  type: 'string',
  form: {
    pattern: '^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$',
    says: 'the name of a file in the working directory: letters, digits, _, - and ., at most 100',
  },
  description: 'File that is removed when a snapshot begins, and that the program makes once its state is written',
};
const readySeconds: ProfileConstant = {
  name: 'SNAPSHOT_READY_SECONDS',
  type: 'integer',
  min: 1,
  max: 600,
  description: `Seconds that a snapshot waits for that file; without one, that it waits after the signal. Not given: ${DEFAULT_READY_S}`,
};
const ifNotReady: ProfileConstant = {
  name: 'SNAPSHOT_IF_NOT_READY',
  type: 'string',
  form: { pattern: '^(?:copy|fail)$', says: 'copy or fail' },
  description:
    'What becomes of a snapshot when the file does not come in time: it is taken all the same (copy), or fails. Not given: copy',
};
const freezeSeconds: ProfileConstant = {
  name: 'SNAPSHOT_FREEZE_SECONDS',
  type: 'integer',
  min: 0,
  max: 3_600,
  description:
    'Stops all processes of an instance while a snapshot copies its files, for at most so many seconds; 0: not',
};
const exitCode: ProfileConstant = {
  name: 'SNAPSHOT_EXIT_CODE',
  type: 'integer',
  min: 1,
  max: 124,
  description:
    'Exit code by which a program says that its state is saved: a snapshot is taken, and the command run again',
};

/** What a task says about the moment of its snapshots. */
export const consistencyConstants: readonly ProfileConstant[] = [
  signal,
  signalAfter,
  readyFile,
  readySeconds,
  ifNotReady,
  freezeSeconds,
  exitCode,
];

/** What is wrong with one of these values once references are filled in; undefined when all fit. */
export const consistencyProblem = (values: ReadonlyMap<string, string>): string | undefined =>
  consistencyConstants
    .map((constant) => {
      const value = values.get(constant.name) ?? '';
      return value === '' ? undefined : valueProblem(constant, value);
    })
    .find((problem) => problem !== undefined);

/** Reads what the constants of an instance say. @param values without problems */
export const consistencyOf = (values: ReadonlyMap<string, string>): Consistency => {
  const text = <K extends string>(key: K, { name }: ProfileConstant): { readonly [P in K]?: string } => {
    const value = values.get(name) ?? '';
    return value === '' ? {} : ({ [key]: value } as { readonly [P in K]: string });
  };
  const number = ({ name }: ProfileConstant): number => Number(values.get(name) ?? '');
  const [freezeMs, code] = [number(freezeSeconds) * 1_000, number(exitCode)];
  return {
    ...text('signal', signal),
    ...text('signalAfter', signalAfter),
    ...text('readyFile', readyFile),
    readyMs: (number(readySeconds) || DEFAULT_READY_S) * 1_000,
    failsUnready: values.get(ifNotReady.name) === 'fail',
    ...(freezeMs === 0 ? {} : { freezeMs }),
    ...(code === 0 ? {} : { exitCode: code }),
  };
};
