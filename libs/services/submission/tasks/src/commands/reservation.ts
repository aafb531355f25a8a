import type { Reserved } from '../places/placed.js';

export type { Reserved };

/** What is reserved for one object: its name, and a place in its owner's quota. */
export interface Reservation extends Reserved {
  /** The object that the name belongs to: an earlier request's, when this request goes on with it. */
  readonly id: string;
  /** Whether the log cannot have the object yet. */
  readonly isNew: boolean;
}

/** Ends both together. @returns a reservation of the name's object */
export const both = (place: Reserved, name: Reservation): Reservation => ({
  id: name.id,
  isNew: name.isNew,
  confirm: () => {
    place.confirm();
    name.confirm();
  },
  release: async () => {
    await place.release();
    await name.release();
  },
  leaveUnknown: () => {
    place.leaveUnknown();
    name.leaveUnknown();
  },
});

const nothing = (): void => undefined;

/** An object without a name goes by its id, which is its own. */
export const unnamed = (id: string): Reservation => ({
  id,
  isNew: true,
  confirm: nothing,
  release: () => Promise.resolve(),
  leaveUnknown: nothing,
});
