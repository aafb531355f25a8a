import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { heardBody, silenceOf } from './silence.ts';

const LIMIT_MS = 1_000;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('a limit of silence', () => {
  it('cuts what says nothing for so long, and begins anew with each sign of life', () => {
    const silence = silenceOf(LIMIT_MS);
    jest.advanceTimersByTime(LIMIT_MS - 1);
    silence.heard();
    jest.advanceTimersByTime(LIMIT_MS - 1);
    expect(silence.signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(silence.signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('cuts nothing after its end, and is cut by others', () => {
    const other = new AbortController();
    const silence = silenceOf(LIMIT_MS, other.signal);
    silence.end();
    jest.advanceTimersByTime(LIMIT_MS);
    expect(silence.signal.aborted).toBe(false);
    other.abort();
    expect(silence.signal.aborted).toBe(true);
  });

  it('hears each piece of a body, and its end', async () => {
    const [heard, end] = [jest.fn(), jest.fn()];
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (out) => {
        for (const text of ['one', 'two']) out.enqueue(new TextEncoder().encode(text));
        out.close();
      },
    });
    expect(await new Response(heardBody(body, { heard, end })).text()).toBe('onetwo');
    expect(heard).toHaveBeenCalledTimes(2);
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('is over with a body that is not wanted any more, or that breaks', async () => {
    const [heard, end] = [jest.fn(), jest.fn()];
    const cancelled = jest.fn<(reason: unknown) => void>();
    const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({ cancel: cancelled });
    await heardBody(endless, { heard, end }).cancel('enough');
    expect(end).toHaveBeenCalledTimes(1);
    expect(cancelled).toHaveBeenCalledWith('enough');
    const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: () => {
        throw new Error('the connection was lost');
      },
    });
    await expect(new Response(heardBody(broken, { heard, end })).text()).rejects.toThrow('the connection was lost');
    expect(end).toHaveBeenCalledTimes(2);
  });
});
