import type { QuarantineRecord } from '@fornax/contracts';
import { DamagedPlaces } from './damaged-places.js';
import { foldEntry, isOfWork, isUndecided, type QuarantineEntry } from './entries.js';

/** Told once a process about something new, and about every change after that. */
export type QuarantineListener = (entry: QuarantineEntry, before: QuarantineEntry | undefined) => void;

/** What is beyond is skipped all the same, and counted; so nobody fills the register, and with it the memory of all, with rubbish. */
const MAX_ENTRIES = 10_000;
/** Of these, what nodes send: the event log and folds always find room. */
const MAX_OF_WORK = 5_000;
/** Undecided ones on one subject, which is one node's: enough to see what is wrong. */
const MAX_OF_SUBJECT = 20;

/** The entries of the quarantine as a process knows them, and what follows from them: which messages are skipped, which aggregates stopped. */
export class QuarantineRegister {
  private readonly entries = new Map<string, QuarantineEntry>();
  private readonly skippedSequences = new Set<number>();
  /** Stopped folds without a decision of an operator, by aggregate: several folds may have stopped at one. */
  private readonly stops = new Map<string, Map<string, QuarantineEntry>>();
  readonly damages = new DamagedPlaces();
  private readonly listeners = new Set<QuarantineListener>();

  /** @param current epoch of the event log */
  constructor(private current: string) {}

  get epoch(): string {
    return this.current;
  }

  /** Everything that is known, oldest first. Entries of an earlier log are left out. */
  list(): readonly QuarantineEntry[] {
    return [...this.entries.values()].filter(({ what }) => what.epoch === null || what.epoch === this.current);
  }

  get(id: string): QuarantineEntry | undefined {
    const entry = this.entries.get(id);
    return entry && (entry.what.epoch === null || entry.what.epoch === this.current) ? entry : undefined;
  }

  /** An entry, of an earlier log too. */
  ofAnyLog(id: string): QuarantineEntry | undefined {
    return this.entries.get(id);
  }

  /** Whether the message of the event log is left out, as far as this process knows. */
  skips(sequence: number): boolean {
    return this.skippedSequences.has(sequence);
  }

  /** The fold that skipped an aggregate, if no operator has decided about it yet. */
  stopOf(aggregate: string, aggregateId: string): QuarantineEntry | undefined {
    return this.stops.get(`${aggregate}/${aggregateId}`)?.values().next().value;
  }

  /** The log is another one now: what was said about the old one says nothing about this one. */
  enter(epoch: string): void {
    if (epoch === this.current) return;
    this.current = epoch;
    this.skippedSequences.clear();
    this.stops.clear();
    this.damages.clear();
    for (const entry of this.entries.values()) this.note(entry);
  }

  onChange(listener: QuarantineListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Nothing finds room any more. */
  get isFull(): boolean {
    return this.entries.size >= MAX_ENTRIES;
  }

  /** Whether a message of a stream of work finds room, by its subject. */
  hasRoomFor(subject: string): boolean {
    if (this.isFull) return false;
    const ofWork = [...this.entries.values()].filter(isOfWork);
    const isOfSubject = ({ what }: QuarantineEntry): boolean => what.kind === 'unreadable' && what.subject === subject;
    const undecided = ofWork.filter((entry) => isUndecided(entry) && isOfSubject(entry));
    return ofWork.length < MAX_OF_WORK && undecided.length < MAX_OF_SUBJECT;
  }

  /** Takes a record in. @returns false when it changes nothing, as the own one that comes back over the stream */
  apply(id: string, record: QuarantineRecord): boolean {
    const before = this.entries.get(id);
    const after = foldEntry(before, id, record);
    if (after === undefined || after === before) return false;
    // The own decision comes back over the stream.
    if (
      before !== undefined &&
      before.state === after.state &&
      before.decision?.at === after.decision?.at &&
      before.what.epoch === after.what.epoch
    )
      return false;
    this.entries.set(id, after);
    this.note(after);
    for (const listener of this.listeners) listener(after, before);
    return true;
  }

  private note(entry: QuarantineEntry): void {
    const { what, state } = entry;
    if (what.epoch !== this.current) return;
    const damage = this.damages.note(entry);
    if (what.kind === 'stopped') {
      const key = `${what.aggregate}/${what.aggregateId}`;
      const standing = this.stops.get(key) ?? new Map<string, QuarantineEntry>();
      if (state === 'open' || state === 'retrying') standing.set(entry.id, entry);
      else standing.delete(entry.id);
      if (standing.size > 0) this.stops.set(key, standing);
      else this.stops.delete(key);
    } else if (damage !== undefined) {
      // What was appended is unknown: nobody leaves that out by himself. Of a gap there is nothing to skip.
      if (damage.isGivenUp && !damage.isGap) this.skippedSequences.add(what.sequence);
      else this.skippedSequences.delete(what.sequence);
    } else if (state === 'retried' || state === 'retrying') this.skippedSequences.delete(what.sequence);
    else this.skippedSequences.add(what.sequence);
  }
}
