import { downloadZip } from 'client-zip';
import { filesBelow, readFile, type StoredFile } from '../api/files.ts';
import { readAs } from '../api/read-as.ts';
import { linkFor } from '../api/storage.ts';
import { bytes, count, counted } from '../parts/format.tsx';
import { nameOf } from './file-kinds.ts';
import { keep, keepBlob, MOST_BYTES } from './save-blob.ts';

/** Downloads one file: the browser itself reads it, however large it is. */
export const saveFile = async (bucket: string, key: string): Promise<void> =>
  keep(await linkFor(bucket, { operation: 'read', key }), nameOf(key));

/** All files below a place, and what they come to. @throws Error they are more than an archive may be */
const chosenBelow = async (bucket: string, prefix: string) => {
  const files: StoredFile[] = [];
  let sum = 0;
  for await (const file of filesBelow(bucket, prefix)) {
    files.push(file);
    sum += file.bytes;
    if (sum > MOST_BYTES)
      throw new Error(
        `It is more than ${bytes(MOST_BYTES)}, which no browser should hold. ${readAs === undefined ? `On the command line: fornax sync ${bucket}/${prefix} ./${bucket}` : 'Download folders or files of it.'}`,
      );
  }
  return { files, sum };
};

/** Files one after the other, each read when its turn comes. */
async function* contents(
  bucket: string,
  prefix: string,
  files: readonly StoredFile[],
  onFile: (done: number) => void,
): AsyncGenerator<{ readonly name: string; readonly input: Response; readonly lastModified: Date }> {
  let done = 0;
  for (const { key, changedAt } of files) {
    const name = key.slice(prefix.length);
    onFile((done += 1));
    // A folder that somebody stored as such: it comes with what is in it.
    if (name === '' || name.endsWith('/')) continue;
    yield { name, input: await readFile(bucket, key), lastModified: new Date(changedAt) };
  }
}

/** Downloads all that begins so as one archive. @param onStep is told how far that is @throws Error it is too large for a browser */
export const saveAll = async (
  bucket: string,
  prefix: string,
  name: string,
  onStep: (text: string) => void,
): Promise<void> => {
  const { files, sum } = await chosenBelow(bucket, prefix);
  const tell = (done: number): void =>
    onStep(`${count(done)} of ${counted(files.length, 'file')}, ${bytes(sum)} in all`);
  const archive = await downloadZip(contents(bucket, prefix, files, tell)).blob();
  keepBlob(archive, `${name}.zip`);
};
