import { z } from 'zod';

/** Milliseconds since 1970. */
export const instant = z.number();
export const count = z.number().int().nonnegative();
