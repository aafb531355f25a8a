import { useEffect, useState } from 'react';
import { followStream } from '../api/event-stream.ts';
import { LineBuffer } from './line-buffer.ts';

/** What was printed, by rows; each begins with the number of its instance where there are several. */
export interface OutputLines {
  /** One that grows in place; `end` is another one whenever it did. */
  readonly buffer: LineBuffer;
  readonly first: number;
  readonly end: number;
  readonly isOver: boolean;
  /** Why some of it may be missing or stand twice. */
  readonly gap: string | undefined;
  readonly isConnected: boolean;
}

const FACTS = { isOver: false, gap: undefined as string | undefined, isConnected: true };
const shownOf = (buffer: LineBuffer, facts: typeof FACTS): OutputLines => ({
  ...{ buffer, first: buffer.first, end: buffer.end },
  ...facts,
});

/** Lines are shown together, so that a flood of them costs no more than a trickle. */
const SHOW_MS = 100;

const decoder = new TextDecoder();
const textOf = ({ text, base64 }: { readonly text?: unknown; readonly base64?: unknown }): string => {
  if (typeof text === 'string') return text;
  return decoder.decode(Uint8Array.from(atob(String(base64)), (character) => character.charCodeAt(0)));
};

/** Follows a stream of a task, of all instances or of one. */
export const useOutput = (taskId: string, stream: 'stdout' | 'stderr', instance: number | undefined): OutputLines => {
  const [shown, setShown] = useState(() => shownOf(new LineBuffer(instance === undefined), FACTS));

  useEffect(() => {
    const stop = new AbortController();
    let buffer = new LineBuffer(instance === undefined);
    let facts = FACTS;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setShown(shownOf(buffer, facts));
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
