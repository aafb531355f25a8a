import { logProofIn, statementSchema, type WireLogProof, type WireStatement } from '@fornax/contracts';

/** A statement that somebody kept. */
export interface ReadStatement {
  /** What proves the range of the log that it was folded from. */
  readonly proof: WireLogProof;
  /** Where it is JSON. */
  readonly statement: WireStatement | undefined;
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Reads a statement in any of its formats. @returns undefined where it says nothing of the log */
export const readStatement = (text: string): ReadStatement | undefined => {
  const { data: statement } = statementSchema.safeParse(jsonOf(text));
  const proof = statement?.proof ?? logProofIn(text);
  return proof && { proof, statement };
};
