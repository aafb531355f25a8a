/** Whether something had happened by a moment, which is a sequence of the log or an instant. */
export const isBy = ({ sequence, at }: { readonly sequence: number; readonly at: string }, asOf: string): boolean =>
  /^\d+$/.test(asOf) ? sequence <= Number(asOf) : Date.parse(at) <= Date.parse(asOf);
