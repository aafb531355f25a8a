import { useEffect, useState } from 'react';
import { followStream } from '../api/event-stream.ts';

/** What was printed, by lines; each begins with the number of its instance where there are several. */
export interface OutputLines {
  readonly lines: readonly string[];
  readonly isOver: boolean;
  /** Why some of it may be missing or stand twice. */
  readonly gap: string | undefined;
  readonly isConnected: boolean;
}

const NOTHING: OutputLines = { lines: [], isOver: false, gap: undefined, isConnected: true };

/** Lines are shown together, so that a flood of them costs no more than a trickle. */
const SHOW_MS = 100;
/** Older lines are left to the download. */
const MOST_LINES = 1_000_000;

const decoder = new TextDecoder();
const textOf = ({ text, base64 }: { readonly text?: unknown; readonly base64?: unknown }): string => {
  if (typeof text === 'string') return text;
  return decoder.decode(Uint8Array.from(atob(String(base64)), (character) => character.charCodeAt(0)));
};

/**
 * Puts pieces of the output of many instances together to lines. A line that is not over yet stands at the end of its instance's, and grows.
 */
class LineBuffer {
  lines: string[] = [];
  private readonly open = new Map<number, { line: number; text: string }>();

  constructor(private readonly hasPrefix: boolean) {}

  add(instance: number, text: string): void {
    const parts = text.split('\n');
    parts.forEach((part, index) => {
      const known = this.open.get(instance);
      const isLast = index === parts.length - 1;
      if (isLast && part === '') return;
      const whole = (known?.text ?? '') + part;
      const place = known?.line ?? this.lines.push('') - 1;
      this.lines[place] = this.hasPrefix ? `${instance}> ${whole}` : whole;
      if (isLast) this.open.set(instance, { line: place, text: whole });
      else this.open.delete(instance);
    });
    if (this.lines.length <= MOST_LINES * 1.1) return;
    const dropped = this.lines.length - MOST_LINES;
    this.lines = this.lines.slice(dropped);
    for (const [number, { line, text }] of this.open) this.open.set(number, { line: line - dropped, text });
  }
}

/** Follows a stream of a task, of all instances or of one. */
export const useOutput = (taskId: string, stream: 'stdout' | 'stderr', instance: number | undefined): OutputLines => {
  const [shown, setShown] = useState(NOTHING);

  useEffect(() => {
    const stop = new AbortController();
    let buffer = new LineBuffer(instance === undefined);
    let facts = { isOver: false, gap: undefined as string | undefined, isConnected: true };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setShown({ lines: [...buffer.lines], ...facts });
      }, SHOW_MS);
    };
    const of = instance === undefined ? '' : `/instances/${instance}`;
    void followStream({
      path: `/fornax/v1/tasks/${encodeURIComponent(taskId)}${of}/${stream}/tail`,
      signal: stop.signal,
      onConnected: (isConnected) => {
        facts = { ...facts, isConnected };
        show();
      },
      onMessage: ({ event, data }) => {
        const value = JSON.parse(data) as Readonly<Record<string, unknown>>;
        if (event === 'end') facts = { ...facts, isOver: true };
        else if (event === 'reset') {
          buffer = new LineBuffer(instance === undefined);
          facts = { ...facts, gap: String(value['reason']) };
        } else if (event === 'message') buffer.add(Number(value['instance']), textOf(value));
        show();
      },
    });
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [taskId, stream, instance]);

  return shown;
};
