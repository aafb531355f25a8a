import { z } from 'zod';

/*
 * What a command in a running instance says and hears. Its connection, which the platform passes on as it is, begins with one line of the platform's, an order (`sessionOrderSchema`). From then on
 * both sides send frames: a byte that says what it is, four bytes of length, the highest first, and so many bytes.
 */

export const FRAMES = {
  /** To the command; an empty one is the end of what it reads. */
  input: 0,
  /** Rows and columns of the terminal, as "24 80". */
  size: 1,
  output: 16,
  error: 17,
  /** The last one: `sessionEndSchema`, as JSON. */
  end: 18,
} as const;
export type Frame = (typeof FRAMES)[keyof typeof FRAMES];

const KINDS: ReadonlySet<number> = new Set(Object.values(FRAMES));
const isFrame = (value: number): value is Frame => KINDS.has(value);
const HEAD_BYTES = 5;
/** Of one frame. */
const MOST_FRAME_BYTES = 1_048_576;

const terminalSide = z.number().int().min(1).max(10_000);
const terminalSchema = z.object({
  rows: terminalSide,
  columns: terminalSide,
  /** What kind of terminal it is: TERM of the command. */
  term: z.string().regex(/^[\w.+-]{1,64}$/),
});
/** As much as a command line of a session may have: beyond what one types. */
const MOST_WORDS = 1_000;
const MOST_WORD_CHARS = 32_768;
export const MOST_ORDER_CHARS = 262_144;

const words = z
  .array(
    z
      .string()
      .max(MOST_WORD_CHARS)
      .refine((word) => !word.includes('\0'), 'must hold no zero byte'),
  )
  .min(1)
  .max(MOST_WORDS)
  .refine((all) => all.join(' ').length <= MOST_WORD_CHARS, 'must be shorter')
  .refine(([first]) => first !== '', 'must begin with a program');

export const sessionOrderSchema = z.object({ command: words, terminal: terminalSchema.exactOptional() });
export type SessionOrder = z.output<typeof sessionOrderSchema>;

export const sessionEndSchema = z.union([
  z.object({ exitCode: z.number().int().min(0).max(255) }),
  /** It could not be begun. */
  z.object({ trouble: z.string().max(1_000) }),
]);
export type SessionEnd = z.output<typeof sessionEndSchema>;

/** One frame as it is sent. */
export const frameOf = (kind: Frame, payload: Uint8Array | string = ''): Uint8Array => {
  const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
  const frame = new Uint8Array(HEAD_BYTES + bytes.length);
  frame[0] = kind;
  new DataView(frame.buffer).setUint32(1, bytes.length);
  frame.set(bytes, HEAD_BYTES);
  return frame;
};

/** Takes frames out of what comes in any pieces. However small those are, each byte is copied a few times at most. */
export class FrameReader {
  /** What has come of the next frame, and room for more. */
  #room: Uint8Array = new Uint8Array();
  #held = 0;

  /** @throws Error what came is none */
  *take(chunk: Uint8Array): Generator<{ readonly kind: Frame; readonly payload: Uint8Array }, void, undefined> {
    const isFirst = this.#held === 0;
    if (!isFirst) this.#keep(chunk);
    const all = isFirst ? chunk : this.#room.subarray(0, this.#held);
    let at = 0;
    while (all.length - at >= HEAD_BYTES) {
      const kind = all[at] ?? -1;
      const length = new DataView(all.buffer, all.byteOffset + at + 1).getUint32(0);
      if (!isFrame(kind) || length > MOST_FRAME_BYTES) throw new Error('what came is no frame of a session');
      if (all.length - at - HEAD_BYTES < length) break;
      yield { kind, payload: all.slice(at + HEAD_BYTES, at + HEAD_BYTES + length) };
      at += HEAD_BYTES + length;
    }
    if (at === 0 && !isFirst) return;
    // It came with the last chunk: before that, there was no whole frame.
    const rest = all.slice(at);
    this.#room = new Uint8Array();
    this.#held = 0;
    this.#keep(rest);
  }

  #keep(bytes: Uint8Array): void {
    const size = this.#held + bytes.length;
    if (size > this.#room.length) {
      const more = new Uint8Array(Math.max(size, this.#room.length * 2));
      more.set(this.#room.subarray(0, this.#held));
      this.#room = more;
    }
    this.#room.set(bytes, this.#held);
    this.#held = size;
  }
}

/** Rows and columns of a frame of size; undefined for any other text. */
export const sizeIn = (payload: Uint8Array): { readonly rows: number; readonly columns: number } | undefined => {
  const [, rows, columns] = /^(\d{1,5}) (\d{1,5})$/.exec(new TextDecoder().decode(payload)) ?? [];
  const size = terminalSchema
    .pick({ rows: true, columns: true })
    .safeParse({ rows: Number(rows), columns: Number(columns) });
  return size.data;
};

/** `POST /fornax/v1/tasks/{id}/instances/{instance}/sessions` */
export const sessionRequestSchema = z.discriminatedUnion('kind', [
  sessionOrderSchema.extend({ kind: z.literal('exec') }),
  z.object({ kind: z.literal('forward'), port: z.number().int().min(1).max(65_535) }),
]);
export type SessionRequest = z.output<typeof sessionRequestSchema>;

/**
 * Where its connection is opened, over TCP, within ten seconds: the first line says `session <ticket>`. That of a command then brings frames. That of a forward stays as long as it is to be open, and says `connect` for each
 * connection that is wanted, which is answered by `ticket <ticket>`, by which one more connection becomes it.
 */
export const instanceSessionSchema = z.object({
  uuid: z.string(),
  node: z.string(),
  host: z.string(),
  port: z.number().int(),
  ticket: z.string(),
});
export type WireInstanceSession = z.output<typeof instanceSessionSchema>;

const SESSION = /^session ([A-Za-z0-9_-]{20,100})$/;
/** The ticket of whoever opens the connection of a session; undefined for any other line. */
export const parseSessionGreeting = (line: string): string | undefined => SESSION.exec(line)?.[1];
