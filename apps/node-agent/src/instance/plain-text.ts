/** Says to a user what went wrong on the node: paths of its machine, which messages of the system hold, are no matter of the user's. */
export const plainText = (error: unknown): string => {
  if (typeof error !== 'object' || error === null || !('message' in error)) return String(error);
  return 'syscall' in error && 'code' in error
    ? `${String(error.syscall)} failed on the node: ${String(error.code)}`
    : String(error.message);
};
