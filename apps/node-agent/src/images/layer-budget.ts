import { LayerRefused } from './tree-path.js';

/** What is left of what an image may be; counted down. */
export interface Allowance {
  bytes: number;
  files: number;
}

/** Pays for one file of so many bytes, as they lie on the disk. @throws LayerRefused, NoRoom */
export type Spend = (bytes: number) => Promise<void> | undefined;

/** Bytes and files that are paid for in one step. */
const PART_BYTES = 16_777_216;
const PART_FILES = 1_024;
/** Where little is left, what is taken in advance is little, too: layers side by side take from one allowance. */
const PART_OF_LEFT = 64;

/** Takes from an allowance. @param onGrow has room for so many more bytes @throws LayerRefused there is not so much left; what `onGrow` throws */
export const take = (
  left: Allowance,
  { bytes, files }: Readonly<Allowance>,
  onGrow: (bytes: number) => Promise<void> | undefined,
): Promise<void> | undefined => {
  left.bytes -= bytes;
  left.files -= files;
  // Not `<`, which what is no number passes.
  if (!(left.bytes >= 0)) throw new LayerRefused('it is larger than this node keeps of images');
  if (!(left.files >= 0)) throw new LayerRefused('it has more files than this node keeps of an image');
  return onGrow(bytes);
};

/** What is given to who asks for something, so that it does not ask for each file: that, and more where there is plenty. */
export const partOf = (left: Readonly<Allowance>, wanted: Readonly<Allowance>): Allowance => ({
  bytes: Math.max(wanted.bytes, Math.min(PART_BYTES, Math.floor(left.bytes / PART_OF_LEFT))),
  files: Math.max(wanted.files, Math.min(PART_FILES, Math.floor(left.files / PART_OF_LEFT))),
});

/** Pays from what was given, and asks for more when that is spent. @param ask gives at least so much, or throws */
export const spendOf =
  (given: Allowance, ask: (wanted: Readonly<Allowance>) => Promise<Readonly<Allowance>>): Spend =>
  (bytes) => {
    given.bytes -= bytes;
    given.files -= 1;
    if (given.bytes >= 0 && given.files >= 0) return undefined;
    const wanted = { bytes: Math.max(0, -given.bytes), files: Math.max(0, -given.files) };
    return ask(wanted).then((more) => {
      given.bytes += more.bytes;
      given.files += more.files;
    });
  };
