const NOTHING = Buffer.alloc(0);

/** Bytes that wait in order. What is put in is copied once, and seldom once more, however small the pieces and however many wait. */
export class ByteQueue {
  private bytes: Buffer = NOTHING;
  private start = 0;
  private end = 0;

  get length(): number {
    return this.end - this.start;
  }

  /** The bytes that wait; good until the next call. */
  get all(): Buffer {
    return this.bytes.subarray(this.start, this.end);
  }

  put(piece: Uint8Array): void {
    if (this.end + piece.length > this.bytes.length) this.makeRoom(this.length + piece.length);
    this.bytes.set(piece, this.end);
    this.end += piece.length;
  }

  /** @returns the first `count` bytes, which are the caller's */
  take(count: number): Buffer {
    const taken = Buffer.from(this.all.subarray(0, count));
    this.drop(count);
    return taken;
  }

  drop(count: number): void {
    this.start += count;
    if (this.length === 0) [this.bytes, this.start, this.end] = [NOTHING, 0, 0];
  }

  /** Twice what is needed: by the time that it is full, as much was put in as is copied now. */
  private makeRoom(needed: number): void {
    const { all, length } = this;
    this.bytes = Buffer.allocUnsafe(2 * needed);
    this.bytes.set(all);
    [this.start, this.end] = [0, length];
  }
}
