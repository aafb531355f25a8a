/** Files of a node that can be fetched again: they go before what somebody works on. */
export interface Fetchable {
  /** So many could go. */
  readonly bytes: number;
  /** Lets go of so many bytes, as far as there are any. */
  free(amount: number): Promise<void>;
}

/** Several as one: what stands first goes first. */
export const allOf = (stores: readonly (Fetchable | undefined)[]): Fetchable => {
  const there = stores.filter((store) => store !== undefined);
  return {
    get bytes() {
      return there.reduce((sum, { bytes }) => sum + bytes, 0);
    },
    free: async (amount) => {
      let missing = amount;
      for (const store of there) {
        const before = store.bytes;
        if (missing > 0 && before > 0) await store.free(missing);
        missing -= before - store.bytes;
      }
    },
  };
};
