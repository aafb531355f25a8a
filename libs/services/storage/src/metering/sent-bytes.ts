import { Injectable } from '@nestjs/common';
import type { SentBytes } from './meter-rows.js';

/** Counts what is sent out of buckets, until somebody takes the counts. */
@Injectable()
export class SentCounter {
  #counts = new Map<string, SentBytes>();

  add(sent: SentBytes): void {
    if (sent.bytes <= 0) return;
    const key = JSON.stringify([sent.bucket, sent.owner, sent.project]);
    const bytes = (this.#counts.get(key)?.bytes ?? 0) + sent.bytes;
    this.#counts.set(key, { ...sent, bytes });
  }

  take(): readonly SentBytes[] {
    const counts = [...this.#counts.values()];
    this.#counts = new Map();
    return counts;
  }
}
