const INT32_MAX = 2_147_483_647;

/** Bounds a counter to what clients can hold: 0 to 2,147,483,647, since they use 32 signed bits (contract, section 3). */
export const int32 = (value: number): number => Math.max(0, Math.min(INT32_MAX, Math.round(value)));
