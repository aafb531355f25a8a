import { dispatchMessageSchema, type DispatchOrder } from '@fornax/contracts';

const REMEMBERED = 20_000;

/** Leases that this agent has or had: orders come more than once. Forgets the oldest. */
export class SeenLeases {
  readonly #ids = new Set<string>();

  /** @returns whether the id is new */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > REMEMBERED) for (const oldest of this.#ids) { this.#ids.delete(oldest); break; }
    return true;
  }
}

/** Reads one message of orders; what is no order of ours is told to `onError` and dropped, for it would never get better. */
export const parseOrders = (data: Uint8Array, onError: (error: unknown) => void): readonly DispatchOrder[] => {
  try {
    return dispatchMessageSchema.parse(JSON.parse(Buffer.from(data).toString('utf8')));
  } catch (error) {
    onError(error);
    return [];
  }
};
