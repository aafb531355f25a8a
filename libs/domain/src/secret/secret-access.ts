import { accept, type Decider } from '../shared/decider.js';
import type { InstantMs } from '../shared/time.js';

/** What one lease was given: which secrets in which versions, never their values. */
export interface SecretGrant {
  readonly owner: string;
  readonly taskId: string;
  readonly instance: number;
  readonly leaseId: string;
  readonly node: string;
  readonly secrets: readonly { readonly key: string; readonly version: number }[];
  /** The instance asked for them while it ran; absent: it was given them before its command began. */
  readonly onRequest?: true;
}

/** Instances of one task (or slots of a pool) that were given secrets: an aggregate of its own, so that nobody waits for them who changes a task or a secret. */
export type SecretAccessEvent = { readonly type: 'SecretsGranted'; readonly at: InstantMs } & SecretGrant;

export interface SecretAccessCommand {
  readonly type: 'RecordGrants';
  readonly grants: readonly SecretGrant[];
  readonly at: InstantMs;
}

/** How many there were. */
interface SecretAccessState {
  readonly grants: number;
}

/** Takes every grant down as it comes. */
export const secretAccessDecider: Decider<SecretAccessState, SecretAccessCommand, SecretAccessEvent> = {
  initial: { grants: 0 },
  decide: (_, { grants, at }) => accept(...grants.map((grant) => ({ type: 'SecretsGranted' as const, ...grant, at }))),
  evolve: ({ grants }) => ({ grants: grants + 1 }),
};
