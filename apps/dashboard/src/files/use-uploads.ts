import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { isThere, uploadFile } from '../api/files.ts';

/** A file on its way up. */
export interface Sending {
  readonly bucket: string;
  readonly key: string;
  readonly file: File;
  readonly sent: number;
  /** `there`: another one has its name, and is not replaced before somebody says so. */
  readonly state: 'waits' | 'goes' | 'done' | 'there' | 'failed';
  readonly trouble?: string;
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
}

interface Asked extends Chosen {
  readonly key: string;
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

  const sendAll = async (bucket: string, files: readonly Asked[], replaces: boolean): Promise<readonly Chosen[]> => {
    const { signal } = over.current;
    const change = (key: string, changed: Partial<Sending>): void =>
      setSending((known) => known.map((one) => (one.key === key ? { ...one, ...changed } : one)));
    const missing: Chosen[] = [];
    for (const { key, path, file } of files) {
      change(key, { state: 'goes' });
      try {
        await uploadFile({ bucket, key, file, replaces, signal, onBytes: (sent) => change(key, { sent }) });
        change(key, { state: 'done', sent: file.size });
      } catch (error) {
        missing.push({ path, file });
        change(key, troubleOf(error));
      }
    }
    void queries.invalidateQueries({ queryKey: ['folder', bucket] });
    void queries.invalidateQueries({ queryKey: ['buckets'] });
    return missing;
  };
  const line = (bucket: string, files: readonly Asked[], replaces: boolean): Promise<readonly Chosen[]> => {
    const keys = new Set(files.map(({ key }) => key));
    setSending((known) => [
      ...known.filter(({ key }) => !keys.has(key)),
      ...files.map(({ key, file }) => ({ bucket, key, file, sent: 0, state: 'waits' as const })),
    ]);
    const sent = before.current.then(() => sendAll(bucket, files, replaces));
    before.current = sent;
    return sent;
  };
  return {
    sending,
    isBusy: sending.some(({ state }) => state === 'waits' || state === 'goes'),
    send: (bucket, prefix, chosen, replaces = false) =>
      line(
        bucket,
        chosen.map(({ path, file }) => ({ path, file, key: `${prefix}${path}` })),
        replaces,
      ),
    replace: (files) => {
      const [first] = files;
      if (first === undefined) return;
      const asked = files.map(({ key, file }) => ({ key, path: key, file }));
      void line(first.bucket, asked, true);
    },
  };
};
