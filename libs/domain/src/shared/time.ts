/** Milliseconds since 1970-01-01T00:00:00Z, from the decider's clock. Order never comes from it (architecture, section 2). */
export type InstantMs = number;
