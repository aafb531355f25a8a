import type { HeldPhase } from '@fornax/contracts';

/** How far a lease has come on its node. */
export type Phase = 'accepted' | 'preparing' | 'running' | 'uploading' | 'ended';

/** What a heartbeat calls it. */
export const HELD: Readonly<Record<Exclude<Phase, 'ended'>, HeldPhase>> = {
  accepted: 'preparing',
  preparing: 'preparing',
  running: 'running',
  uploading: 'uploading',
};
