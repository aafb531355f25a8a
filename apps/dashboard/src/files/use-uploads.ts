import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { Unfinished } from '../api/unfinished.ts';
import { isThere, uploadFile } from '../api/uploads.ts';

/** A file on its way up. */
export interface Sending {
  readonly bucket: string;
  readonly key: string;
  readonly file: File;
  readonly sent: number;
  /** `there`: another one has its name, and is not replaced before somebody says so. */
  readonly state: 'waits' | 'goes' | 'done' | 'there' | 'failed';
  readonly trouble?: string;
  readonly replaces: boolean;
  readonly upload?: string | undefined;
}

/** A file with its place below the folder that it was dropped into. */
export interface Chosen {
  readonly path: string;
  readonly file: File;
}

/** What the browser says of dropped files: with the folders that were dropped. */
export const chosenOf = (files: readonly File[]): readonly Chosen[] =>
  files.map((file) => {
    const path =
      'path' in file && typeof file.path === 'string' && file.path !== '' ? file.path : file.webkitRelativePath;
    return { file, path: (path === '' ? file.name : path).replace(/^(?:\.?\/)+/, '') };
  });

/** Files on their way into buckets. */
export interface Uploads {
  /** In the order in which they were chosen. */
  readonly sending: readonly Sending[];
  readonly isBusy: boolean;
  /**
   * Sends files behind those that are on their way.
   * @param replaces whether others of their names are replaced without asking
   * @returns those that are not there now
   */
  readonly send: (
    bucket: string,
    prefix: string,
    chosen: readonly Chosen[],
    replaces?: boolean,
  ) => Promise<readonly Chosen[]>;
  /** Sends those again that were not stored because others have their names, and replaces these. */
  readonly replace: (files: readonly Sending[]) => void;
  /** Sends those again that failed: what came of large ones stays there. */
  readonly retry: (files: readonly Sending[]) => void;
  /** Goes on with an upload that did not end, with the file that it was of. */
  readonly goOn: (bucket: string, unfinished: Unfinished, file: File) => void;
}

interface Asked extends Chosen {
  readonly key: string;
  readonly replaces: boolean;
  /** The upload to go on with. */
  readonly upload?: string | undefined;
}

const troubleOf = (error: unknown): Pick<Sending, 'state' | 'trouble'> =>
  isThere(error)
    ? { state: 'there' }
    : { state: 'failed', trouble: error instanceof Error ? error.message : String(error) };

/** Sends files into a bucket, one after the other, and tells how far they are; what is shown of the bucket is looked at again. Ends with whoever uses it. */
export const useUploads = (): Uploads => {
  const [sending, setSending] = useState<readonly Sending[]>([]);
  const over = useRef(new AbortController());
  const before = useRef<Promise<unknown>>(Promise.resolve());
  const queries = useQueryClient();
  useEffect(() => {
    over.current = new AbortController();
    return () => over.current.abort();
  }, []);

  const sendAll = async (bucket: string, files: readonly Asked[]): Promise<readonly Chosen[]> => {
    const { signal } = over.current;
    const change = (key: string, changed: Partial<Sending>): void =>
      setSending((known) => known.map((one) => (one.key === key ? { ...one, ...changed } : one)));
    const missing: Chosen[] = [];
    for (const { key, path, file, replaces, upload } of files) {
      change(key, { state: 'goes' });
      try {
        const onBytes = (sent: number): void => change(key, { sent });
        await uploadFile({ bucket, key, file, replaces, upload, signal, onBytes });
        change(key, { state: 'done', sent: file.size });
      } catch (error) {
        missing.push({ path, file });
        change(key, troubleOf(error));
      }
    }
    void queries.invalidateQueries({ queryKey: ['folder', bucket] });
    void queries.invalidateQueries({ queryKey: ['unfinished', bucket] });
    void queries.invalidateQueries({ queryKey: ['buckets'] });
    return missing;
  };
  const line = (bucket: string, files: readonly Asked[]): Promise<readonly Chosen[]> => {
    const keys = new Set(files.map(({ key }) => key));
    setSending((known) => [
      ...known.filter(({ key }) => !keys.has(key)),
      ...files.map(({ path: _, ...one }) => ({ ...one, bucket, sent: 0, state: 'waits' as const })),
    ]);
    const sent = before.current.then(() => sendAll(bucket, files));
    before.current = sent;
    return sent;
  };
  const repeat = (files: readonly Sending[], changed: Partial<Asked>): void => {
    const [first] = files;
    if (first === undefined) return;
    const asked = files.map(({ key, file, replaces, upload }) => ({ key, path: key, file, replaces, upload }));
    void line(
      first.bucket,
      asked.map((one) => ({ ...one, ...changed })),
    );
  };
  return {
    sending,
    isBusy: sending.some(({ state }) => state === 'waits' || state === 'goes'),
    send: (bucket, prefix, chosen, replaces = false) =>
      line(
        bucket,
        chosen.map(({ path, file }) => ({ path, file, replaces, key: `${prefix}${path}` })),
      ),
    replace: (files) => repeat(files, { replaces: true }),
    retry: (files) => repeat(files, {}),
    goOn: (bucket, { key, upload }, file) => void line(bucket, [{ key, path: key, file, upload, replaces: false }]),
  };
};
