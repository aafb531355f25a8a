import { downloadZip } from 'client-zip';
import { filesBelow, linkFor, readFile, type StoredFile } from '../api/files.ts';
import { nameOf } from './file-kinds.ts';

const click = (href: string, name: string): void => {
  const anchor = document.createElement('a');
  anchor.href = href;
  anchor.download = name;
  anchor.rel = 'noopener';
  anchor.click();
};

/** Downloads one file: the browser itself reads it, however large it is. */
export const saveFile = async (bucket: string, key: string): Promise<void> =>
  click(await linkFor(bucket, { operation: 'read', key }), nameOf(key));

/** Files one after the other, each read when its turn comes. */
async function* contents(
  bucket: string,
  prefix: string,
  files: AsyncIterable<StoredFile>,
  onFile: (done: number) => void,
): AsyncGenerator<{ readonly name: string; readonly input: Response; readonly lastModified: Date }> {
  let done = 0;
  for await (const { key, changedAt } of files) {
    const name = key.slice(prefix.length);
    // A folder that somebody stored as such: it comes with what is in it.
    if (name === '' || name.endsWith('/')) continue;
    yield { name, input: await readFile(bucket, key), lastModified: new Date(changedAt) };
    onFile((done += 1));
  }
}

/** Downloads all that begins so as one archive. @param onFile is told how many files are in it */
export const saveAll = async (
  bucket: string,
  prefix: string,
  name: string,
  onFile: (done: number) => void,
): Promise<void> => {
  const archive = await downloadZip(contents(bucket, prefix, filesBelow(bucket, prefix), onFile)).blob();
  const url = URL.createObjectURL(archive);
  click(url, `${name}.zip`);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
};
