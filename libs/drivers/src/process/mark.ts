/** Entry of the environment by which plain processes are found again. */
export const markOf = (id: string): string => `FORNAX_LEASE=${id}`;
