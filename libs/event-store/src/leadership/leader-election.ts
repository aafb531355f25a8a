import { randomUUID } from 'node:crypto';
import type { NatsConnection } from '@nats-io/nats-core';
import { JetStreamApiError } from '@nats-io/jetstream';
import { Kvm, type KV, type KvEntry } from '@nats-io/kv';
import { LEADER_BUCKET } from '@fornax/contracts';
import { allowManyListeners, backoffMs, delay } from '@fornax/base';

export interface LeadOptions {
  /** What is led, e.g. `scheduler`. Every candidate uses the same `ttlMs`. */
  readonly name: string;
  /** Who this is; shown to people. */
  readonly candidate: string;
  /** A leader that was silent for this long is replaced; it gives up by itself at two thirds of it. */
  readonly ttlMs: number;
  readonly signal: AbortSignal;
  readonly replicas?: number;
  /** Milliseconds since the epoch that every epoch from here on is above; asked at each election. */
  readonly epochFloor?: () => number;
  readonly onError?: (error: unknown) => void;
}

interface Claim {
  readonly candidate: string;
  /** Made anew for every election, so that a restarted process does not take its predecessor's lease for its own. */
  readonly id: string;
  /** The holder gave it up: anybody may take it at once. */
  readonly released: boolean;
}

const WRONG_LAST_SEQUENCE = 10071;
/** A leader that could not renew its lease gives up at this part of `ttlMs`. */
const GIVES_UP_PART = 2 / 3;

const keySubject = (name: string): string => `$KV.${LEADER_BUCKET}.${name}`;
const encode = (claim: Claim): string => JSON.stringify(claim);
const isReleased = (entry: KvEntry): boolean => entry.operation !== 'PUT' || entry.json<Claim>().released;
const isBeaten = (error: unknown): boolean => error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE;

/** Makes the bucket of elections unless it exists, which this user may not be allowed to do. Safe to repeat. */
export const openElections = (nc: NatsConnection, replicas = 1): Promise<KV> =>
  new Kvm(nc).create(LEADER_BUCKET, { history: 1, replicas });

/** The server's own clock, where it tells (nats-server 2.10 or later). */
const serverNow = async (kv: KV): Promise<number | undefined> => {
  const { ts } = (await kv.status()).streamInfo;
  return ts === undefined ? undefined : Date.parse(ts);
};

/**
 * When the bucket of leases was made, in milliseconds. An epoch is this and the lease's revision together: revisions begin anew in a bucket that was lost
 * and made again, and grow more slowly than milliseconds, so an epoch is higher than all of before in that case, too.
 */
const createdAt = async (kv: KV): Promise<number> => Date.parse((await kv.status()).streamInfo.created);

/**
 * Takes the lease when it is free, and returns its revision, which only grows.
 * The lease is free when it was never taken, was released, or has not been renewed for `ttlMs`. That it was seen unchanged for so long, by this
 * process's monotonic clock, is the proof. The server's clock may shorten the wait of a candidate that comes late, but not below the time
 * after which its holder gives up by itself: that clock may have been set.
 */
class Candidacy {
  readonly id = randomUUID();
  private seen: { readonly revision: number; readonly at: number } | undefined;

  constructor(
    private readonly kv: KV,
    private readonly options: LeadOptions,
  ) {}

  claim(released: boolean): string {
    return encode({ candidate: this.options.candidate, id: this.id, released });
  }

  async tryToTake(): Promise<number | undefined> {
    const { name } = this.options;
    const claim = this.claim(false);
    const entry = await this.kv.get(name);
    try {
      if (entry === null) return await this.kv.create(name, claim);
      if (isReleased(entry) || (await this.hasExpired(entry))) return await this.kv.update(name, claim, entry.revision);
    } catch (error) {
      if (!isBeaten(error)) throw error;
    }
    return undefined;
  }

  private async hasExpired(entry: KvEntry): Promise<boolean> {
    const { ttlMs } = this.options;
    if (this.seen?.revision !== entry.revision) this.seen = { revision: entry.revision, at: performance.now() };
    const unchangedMs = performance.now() - this.seen.at;
    if (unchangedMs > ttlMs) return true;
    if (unchangedMs <= ttlMs * GIVES_UP_PART) return false;
    const now = await serverNow(this.kv);
    return now !== undefined && now - entry.created.getTime() > ttlMs;
  }
}

/** Renews the lease until it is lost or `signal` aborts. @returns the last revision when it is still ours, undefined when it is lost */
const keep = async (
  kv: KV,
  { name, ttlMs, onError }: LeadOptions,
  claim: string,
  first: number,
  signal: AbortSignal,
): Promise<number | undefined> => {
  let revision = first;
  let renewedAt = performance.now();
  const isCertain = () => performance.now() - renewedAt < ttlMs * GIVES_UP_PART;
  for (;;) {
    await delay(ttlMs / 5, signal);
    if (signal.aborted) return revision;
    const sentAt = performance.now();
    try {
      revision = await kv.update(name, claim, revision, ttlMs / 5);
      renewedAt = sentAt;
    } catch (error) {
      onError?.(error);
      if (isBeaten(error)) {
        // Either somebody took it, or an earlier renewal of ours landed although its answer did not.
        const entry = await kv.get(name).catch(() => null);
        if (entry === null || entry.operation !== 'PUT' || entry.string() !== claim) return undefined;
        revision = entry.revision;
      }
      if (!isCertain()) return undefined;
    }
  }
};

const leadOnce = async (
  kv: KV,
  options: LeadOptions,
  candidacy: Candidacy,
  revision: number,
  onElected: (epoch: number, leadership: AbortSignal) => Promise<void>,
): Promise<void> => {
  const { name, signal, epochFloor = () => 0 } = options;
  const leadership = new AbortController();
  const over = new AbortController();
  const stopRenewing = AbortSignal.any([signal, over.signal]);
  const kept = keep(kv, options, candidacy.claim(false), revision, stopRenewing).finally(() => leadership.abort());
  try {
    await onElected(Math.max(await createdAt(kv), epochFloor()) + revision, leadership.signal);
  } finally {
    over.abort();
    const last = await kept;
    // Released only now that the leader has done its last: the successor may start this instant.
    if (last !== undefined) await kv.update(name, candidacy.claim(true), last).catch(() => undefined);
  }
};

/**
 * Takes part in an election for good: whenever this candidate wins, `onElected` runs with the epoch (a fencing token that only
 * grows) and a signal that aborts when leadership is lost or `options.signal` aborts. When it returns, the lease is released and a
 * successor takes over at once; without a release (a crash), after `ttlMs`. Resolves when `options.signal` aborts and `onElected` has returned.
 * An error thrown by `onElected` is told to `onError`, and the candidate runs again after a backoff.
 */
export const lead = async (
  nc: NatsConnection,
  options: LeadOptions,
  onElected: (epoch: number, leadership: AbortSignal) => Promise<void>,
): Promise<void> => {
  const { name, ttlMs, signal, replicas = 1, onError } = options;
  allowManyListeners(signal);
  let wake = new AbortController();
  // Every write to the lease is also an ordinary message: a release is seen at once, without a watch to keep alive.
  const subscription = nc.subscribe(keySubject(name), { callback: () => wake.abort() });
  let failures = 0;
  let kv: KV | undefined;
  let candidacy: Candidacy | undefined;
  try {
    while (!signal.aborted) {
      wake = new AbortController();
      try {
        kv ??= await openElections(nc, replicas);
        candidacy ??= new Candidacy(kv, options);
        const revision = await candidacy.tryToTake();
        if (revision !== undefined) await leadOnce(kv, options, candidacy, revision, onElected);
        failures = 0;
        if (revision === undefined) await delay(ttlMs / 4, AbortSignal.any([signal, wake.signal]));
      } catch (error) {
        if (nc.isClosed()) return;
        onError?.(error);
        failures += 1;
        await delay(backoffMs(failures), signal);
      }
    }
  } finally {
    if (!nc.isClosed()) subscription.unsubscribe();
  }
};
