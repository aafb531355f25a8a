import type { PoolEvent } from '@fornax/domain';
import { aLease, anEnd, aRef } from '@fornax/domain/specs';

/** What a scheduler and a node say of the slots of a pool, now. */
export const opened = (slots: string): PoolEvent => ({
  type: 'PoolResized',
  opened: slots,
  closed: '',
  policyName: null,
  at: Date.now(),
});
export const ended = (slot: number, attempt = 1): PoolEvent => ({
  type: 'SlotsEnded',
  attempts: [anEnd(slot, { attempt, endedAt: Date.now() })],
  at: Date.now(),
});
export const leased = (slot: number, attempt = 1): PoolEvent => ({
  type: 'SlotsDispatched',
  leases: [aLease(slot, { attempt })],
  at: Date.now(),
});
export const ready = (slot: number): PoolEvent => ({
  type: 'SlotsReady',
  leases: [{ ...aRef(slot), startedAt: Date.now() }],
  at: Date.now(),
});
