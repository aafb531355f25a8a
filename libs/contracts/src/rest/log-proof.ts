import { z } from 'zod';

/** What proves the range of the log that something was folded from (docs/adr/0116, 0135). */
export const logProofSchema = z.object({
  log: z.string().describe('Epoch of the log.'),
  from: z.int().describe('First and last sequence of the range.'),
  to: z.int(),
  archivedTo: z
    .int()
    .describe(
      'Last sequence of the range that was archived then: `to` where all of it was, what comes behind is not proved yet.',
    ),
  segment: z.int().describe('The last segment of the archive that the range reaches into; 0: none of it was archived.'),
  hash: z.string().describe('Of that segment: it covers every byte of the range up to `archivedTo`.'),
  isWhole: z.boolean().describe('Whether all of the range was archived.'),
});
export type WireLogProof = z.output<typeof logProofSchema>;

const MARK = 'fornax-log-proof';
const IN_TEXT = new RegExp(
  String.raw`${MARK}:([\w-]{1,100}):(\d{1,15})-(\d{1,15}):(\d{1,15}):(\d{1,10}):([0-9a-f]{64})`,
);

/** A proof as one word, for formats that have no place for more. */
export const logProofText = ({ log, from, to, archivedTo, segment, hash }: WireLogProof): string =>
  `${MARK}:${log}:${from}-${to}:${archivedTo}:${segment}:${hash}`;

/** The first proof that is a word of a text. */
export const logProofIn = (text: string): WireLogProof | undefined => {
  const [, log, from, to, archivedTo, segment, hash] = IN_TEXT.exec(text) ?? [];
  if (log === undefined || hash === undefined) return undefined;
  const range = { from: Number(from), to: Number(to), archivedTo: Number(archivedTo), segment: Number(segment) };
  return { log, ...range, hash, isWhole: range.archivedTo === range.to };
};
