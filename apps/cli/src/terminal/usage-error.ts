/** What the person did wrong; shown without a stack. */
export class UsageError extends Error {}
