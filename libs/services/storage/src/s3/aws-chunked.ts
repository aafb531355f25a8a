import { createHash } from 'node:crypto';
import { type ChunkSigning, equalInConstantTime, s3Error, type S3Error, signChunk, signTrailer } from '@fornax/s3';

/** What to expect of an `aws-chunked` body. */
export interface ChunkedForm {
  /** Present when every chunk carries a signature. */
  readonly signing: ChunkSigning | undefined;
  readonly hasTrailer: boolean;
  /** Told the trailer's headers, lower case, before the source ends. */
  readonly onTrailer: (headers: ReadonlyMap<string, string>) => void;
}

const MAX_LINE_BYTES = 1024;
const MAX_TRAILER_LINES = 16;

const incomplete = (): S3Error => s3Error('IncompleteBody', 'The request body terminated unexpectedly.');
const malformed = (): S3Error => s3Error('InvalidRequest', 'The aws-chunked body is malformed.');
const badSignature = (): S3Error => s3Error('SignatureDoesNotMatch', 'The signature of a chunk does not match.');

/** Reads lines and counted bytes from chunks of any size; holds at most one of them. */
class ByteReader {
  #held: Uint8Array = new Uint8Array(0);
  readonly #source: AsyncIterator<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async #fill(): Promise<boolean> {
    while (this.#held.byteLength === 0) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#held = next.value;
    }
    return true;
  }

  /** A line without its CR LF; undefined at the end of the source. */
  async line(): Promise<string | undefined> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      if (!(await this.#fill())) {
        if (length === 0) return undefined;
        throw incomplete();
      }
      const end = this.#held.indexOf(0x0a);
      const part = end < 0 ? this.#held : this.#held.subarray(0, end + 1);
      parts.push(part);
      length += part.byteLength;
      if (length > MAX_LINE_BYTES) throw malformed();
      this.#held = this.#held.subarray(part.byteLength);
      if (end < 0) continue;
      const line = Buffer.concat(parts).toString('latin1');
      return line.endsWith('\r\n') ? line.slice(0, -2) : line.slice(0, -1);
    }
  }

  async *take(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0;) {
      if (!(await this.#fill())) throw incomplete();
      const part = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(part.byteLength);
      left -= part.byteLength;
      yield part;
    }
  }
}

const parseChunkLine = (line: string): { readonly size: number; readonly signature: string | undefined } => {
  const match = /^([0-9a-f]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/i.exec(line);
  if (!match?.[1]) throw malformed();
  return { size: Number.parseInt(match[1], 16), signature: match[2] };
};

const readTrailer = async (
  reader: ByteReader,
  { signing, hasTrailer, onTrailer }: ChunkedForm,
  previous: string,
): Promise<void> => {
  const headers = new Map<string, string>();
  for (let count = 0; ; count += 1) {
    const line = await reader.line();
    if (line === undefined || line === '') {
      // Some clients put an empty line between the headers and their signature.
      if (
        line !== undefined &&
        signing &&
        hasTrailer &&
        !headers.has('x-amz-trailer-signature') &&
        count < MAX_TRAILER_LINES
      )
        continue;
      break;
    }
    const colon = line.indexOf(':');
    if (!hasTrailer || colon < 1 || count >= MAX_TRAILER_LINES)
      throw s3Error('MalformedTrailerError', 'The trailer of the request is malformed.');
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const signature = headers.get('x-amz-trailer-signature');
  headers.delete('x-amz-trailer-signature');
  if (signing && hasTrailer) {
    const signed = [...headers].map(([name, value]) => `${name}:${value}\n`).join('');
    if (!equalInConstantTime(signTrailer(signing, previous, signed), signature ?? '')) throw badSignature();
  }
  onTrailer(headers);
};

/**
 * The payload inside an `aws-chunked` body (S3 "Signature calculations: multiple chunks", "... with trailing headers").
 * Bytes are handed on as they come; a wrong signature throws at the end of its chunk, before the source ends.
 * @throws S3Error SignatureDoesNotMatch, IncompleteBody, InvalidRequest, MalformedTrailerError
 */
export async function* decodeChunked(body: AsyncIterable<Uint8Array>, form: ChunkedForm): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(body);
  let previous = form.signing?.seed ?? '';
  for (;;) {
    const line = await reader.line();
    if (line === undefined) throw incomplete();
    const { size, signature } = parseChunkLine(line);
    const hash = form.signing && createHash('sha256');
    for await (const part of reader.take(size)) {
      hash?.update(part);
      yield part;
    }
    if (form.signing && hash) {
      const expected = signChunk(form.signing, previous, hash.digest('hex'));
      if (!equalInConstantTime(expected, signature ?? '')) throw badSignature();
      previous = expected;
    }
    if (size === 0) break;
    if ((await reader.line()) !== '') throw malformed();
  }
  await readTrailer(reader, form, previous);
}
