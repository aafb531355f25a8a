/** Who has quotas on what is stored: the owner of a bucket, the project it belongs to, and the organization of its owner. */
export interface Holder {
  readonly kind: 'user' | 'project' | 'organization';
  readonly id: string;
}

export const MEASURES = ['bytes', 'objects', 'buckets'] as const;
export type Measure = (typeof MEASURES)[number];
/** How much of each; what is absent is nothing. */
export type Amounts = Readonly<Partial<Record<Measure, number>>>;

/** Whom something that is stored counts against. */
export interface Payer {
  readonly owner: string;
  /** Undefined: what is stored is in no bucket. */
  readonly projectId: string | undefined;
  /** false: its bytes need room while they come, and no count shows it afterwards. */
  readonly isCounted: boolean;
}
