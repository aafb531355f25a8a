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

/** The bytes of a body as they come; each piece is heard. */
export const heardBody = (
  body: ReadableStream<Bytes>,
  { heard, end }: Pick<Silence, 'heard' | 'end'>,
): ReadableStream<Bytes> =>
  body.pipeThrough(
    new TransformStream<Bytes, Bytes>({
      transform: (piece, out) => {
        heard();
        out.enqueue(piece);
      },
      flush: end,
    }),
  );
