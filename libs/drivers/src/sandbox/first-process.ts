import type { Readable } from 'node:stream';

import type { InstanceCommand } from '../driver/driver.js';
import { markOf } from '../process/mark.js';
import { signalName } from '../process/signal-name.js';
import { inHundredths } from '../warden/uptime.js';

/** Which instance a command is for, and until what uptime it may start. */
export interface Begin {
  readonly id: string;
  readonly level: { readonly aim: 'all' | 'group' };
  readonly until: () => number | undefined;
}

/** Linux takes no command that long: the user's fault, not the node's. */
export class CommandTooLong extends Error {
  override readonly name = 'CommandTooLong';
}

/** What a first process tells. */
export interface Status {
  readonly started: Promise<void>;
  /** What the first process told of the end, as far as it came. */
  readonly end: () => { readonly exitCode?: number; readonly signal?: string; readonly cpuMs?: number };
  /** The next answer to `TELL`, in the order of those; 0 once it is over. */
  readonly told: () => Promise<number>;
}

/** The first process of a sandbox could not make it, and said why. */
export class SetUpRefused extends Error {
  override readonly name = 'SetUpRefused';
}

/** Hears what a first process says of its command (`native/src/supervise.c`). */
export const readStatus = (status: Readable): Status => {
  let text = '';
  let isClosed = false;
  const asking: ((count: number) => void)[] = [];
  const hearTold = (): void => {
    text = text.replaceAll(/^told (\d+)\n/gm, (_, count: string) => {
      asking.shift()?.(Number(count));
      return '';
    });
  };
  const told = (): Promise<number> =>
    isClosed ? Promise.resolve(0) : new Promise<number>((resolve) => asking.push(resolve));
  status.once('close', () => {
    isClosed = true;
    for (const answer of asking.splice(0)) answer(0);
  });
  const started = new Promise<void>((resolve, reject) => {
    status.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      hearTold();
      if (text.startsWith('started\n')) resolve();
      if (text.startsWith('refused E2BIG\n'))
        reject(new CommandTooLong('E2BIG: the command and its environment are longer than this machine takes'));
    });
    status.on('error', () => undefined);
    status.on('close', () => reject(new Error('the sandbox could not be set up')));
  });
  const end: Status['end'] = () => {
    const [, code, signal] = /^exit (\d+) (\d+)$/m.exec(text) ?? [];
    if (code === undefined) return {};
    const name = signalName(Number(signal));
    const [, cpuMs] = /^cpu (\d+)$/m.exec(text) ?? [];
    return {
      exitCode: Number(code),
      ...(name === undefined ? {} : { signal: name }),
      ...(cpuMs === undefined ? {} : { cpuMs: Number(cpuMs) }),
    };
  };
  return { started, end, told };
};

/** The command as the first process reads it (`native/src/command.c`). @throws Error a zero byte, which no argument can hold */
export const messageOf = (
  { until: untilWhen, level, id }: Begin,
  { argv, env }: Pick<InstanceCommand, 'argv' | 'env'>,
): string => {
  const mark = level.aim === 'group' ? [markOf(id)] : [];
  const entries = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...mark];
  const until = untilWhen();
  const strings = [String(until === undefined ? 0 : inHundredths(until)), String(argv.length), String(entries.length)];
  const all = [...strings, ...argv, ...entries];
  if (all.some((text) => text.includes('\0'))) throw new Error('a command and its environment hold no zero bytes');
  return `${all.join('\0')}\0`;
};
