/** A limit of silence: its signal is aborted when nothing was heard for that long. */
export interface Silence {
  readonly signal: AbortSignal;
  /** Something was heard: the time begins anew. */
  readonly heard: () => void;
  readonly end: () => void;
}

/** Begins to listen. @param others that abort it, too */
export const silenceOf = (limitMs: number, ...others: readonly AbortSignal[]): Silence => {
  const tooLong = new AbortController();
  const cut = (): void => tooLong.abort(new DOMException('Nothing came for too long', 'TimeoutError'));
  let timer = setTimeout(cut, limitMs);
  return {
    signal: AbortSignal.any([tooLong.signal, ...others]),
    heard: () => {
      clearTimeout(timer);
      timer = setTimeout(cut, limitMs);
    },
    end: () => clearTimeout(timer),
  };
};

type Bytes = Uint8Array<ArrayBuffer>;

/** The bytes of a body as they come; each piece is heard. It ends when the body does, breaks, or is not wanted any more. */
export const heardBody = (
  body: ReadableStream<Bytes>,
  { heard, end }: Pick<Silence, 'heard' | 'end'>,
): ReadableStream<Bytes> => {
  const reader = body.getReader();
  return new ReadableStream<Bytes>(
    {
      pull: async (out) => {
        try {
          const { done, value } = await reader.read();
          if (!done) {
            heard();
            return out.enqueue(value);
          }
          end();
          out.close();
        } catch (error) {
          end();
          throw error;
        }
      },
      cancel: async (reason) => {
        end();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
};
