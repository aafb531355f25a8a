import type { InstantMs } from '../shared/time.js';

/** Which events a webhook is told of; null means all of its owner's tasks, all types. */
export interface WebhookFilter {
  readonly tasks: readonly string[] | null;
  readonly types: readonly string[] | null;
}

/**
 * A webhook: where an account wants to be told what happens to its tasks.
 * States: active -> parked (deliveries failed for too long) -> active (resumed, or replayed from a place in the log); deleted from both.
 */
export type WebhookEvent =
  | {
      readonly type: 'WebhookRegistered';
      readonly webhookId: string;
      readonly owner: string;
      readonly name: string;
      /** Where it goes, for people; the whole address may be a secret in itself. */
      readonly host: string;
      /** Sealed by the master key. */
      readonly sealedUrl: string;
      readonly sealedSecret: string;
      readonly filter: WebhookFilter;
      /** Deliveries begin after this place in the log. */
      readonly after: number;
      readonly at: InstantMs;
    }
  /** Nothing is delivered any more. `sequence` is the commit that could not be. */
  | { readonly type: 'WebhookParked'; readonly reason: string; readonly sequence: number; readonly at: InstantMs }
  /** Deliveries go on where they stopped. */
  | { readonly type: 'WebhookResumed'; readonly at: InstantMs }
  /** Deliveries begin again after this place in the log. */
  | { readonly type: 'WebhookReplayed'; readonly after: number; readonly at: InstantMs }
  | { readonly type: 'WebhookDeleted'; readonly at: InstantMs };

type Registered = Extract<WebhookEvent, { type: 'WebhookRegistered' }>;

export type WebhookCommand =
  | ({ readonly type: 'RegisterWebhook' } & Omit<Registered, 'type'>)
  | { readonly type: 'ParkWebhook'; readonly reason: string; readonly sequence: number; readonly at: InstantMs }
  | { readonly type: 'ResumeWebhook'; readonly at: InstantMs }
  | { readonly type: 'ReplayWebhook'; readonly after: number; readonly at: InstantMs }
  | { readonly type: 'DeleteWebhook'; readonly at: InstantMs };
