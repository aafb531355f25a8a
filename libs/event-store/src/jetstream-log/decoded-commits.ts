import type { RecordedCommit } from '@fornax/contracts';
import type { FeedMessage } from '../jetstream/pull-feed.js';

interface Decoded {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly commit: RecordedCommit;
}

const MAX_COMMITS = 4_096;
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * The commits decoded last. A process has several readers of the same log, near its end at the same time: what the first one decodes the
 * others find here. A sequence alone does not name a commit (a stream may be wiped), so the bytes are compared.
 */
export class DecodedCommits {
  private readonly bySequence = new Map<number, Decoded>();
  private bytes = 0;

  constructor(private readonly decode: (message: FeedMessage) => RecordedCommit) {}

  of(message: FeedMessage): RecordedCommit {
    const { sequence, subject, data } = message;
    const known = this.bySequence.get(sequence);
    if (known?.subject === subject && (known.data === data || Buffer.compare(known.data, data) === 0))
      return known.commit;
    const commit = this.decode(message);
    this.forget(sequence);
    this.bySequence.set(sequence, { subject, data, commit });
    this.bytes += data.length;
    for (const oldest of this.bySequence.keys()) {
      if (this.bySequence.size <= MAX_COMMITS && this.bytes <= MAX_BYTES) break;
      this.forget(oldest);
    }
    return commit;
  }

  private forget(sequence: number): void {
    const known = this.bySequence.get(sequence);
    if (known === undefined) return;
    this.bySequence.delete(sequence);
    this.bytes -= known.data.length;
  }
}
