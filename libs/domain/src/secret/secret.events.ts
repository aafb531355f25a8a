import type { InstantMs } from '../shared/time.js';

/**
 * A secret of an account in the secrets manager. Its value stands in no event: `sealed` is an envelope under the data key `keyId`, which is kept outside
 * of the log and destroyed with the secret (ADR 0089).
 * States: none -> kept (created) -> kept (changed, read) -> none (deleted) -> kept (created again, under a new data key). Versions go on counting.
 */
export type SecretEvent =
  | {
      readonly type: 'SecretCreated';
      readonly owner: string;
      readonly key: string;
      readonly version: number;
      readonly keyId: string;
      readonly sealed: string;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'SecretChanged';
      readonly version: number;
      readonly sealed: string;
      /** The earlier version whose value it has again. */
      readonly restoredFrom?: number;
      readonly at: InstantMs;
    }
  /** Its account was shown the value of this version; who it was stands in the commit. */
  | { readonly type: 'SecretRead'; readonly version: number; readonly at: InstantMs }
  /** The data key is destroyed once this is in the log. */
  | { readonly type: 'SecretDeleted'; readonly keyId: string; readonly at: InstantMs };

export type SecretCommand =
  | {
      readonly type: 'CreateSecret';
      readonly owner: string;
      readonly key: string;
      readonly keyId: string;
      readonly sealed: string;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'ChangeSecret';
      /** That the value was sealed with: a secret that was deleted and created meanwhile has another one. */
      readonly keyId: string;
      readonly sealed: string;
      readonly restoredFrom?: number;
      readonly at: InstantMs;
    }
  | { readonly type: 'RecordRead'; readonly version: number; readonly at: InstantMs }
  | { readonly type: 'DeleteSecret'; readonly at: InstantMs };
