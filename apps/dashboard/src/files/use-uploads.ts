import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { uploadFile } from '../api/files.ts';

/** A file on its way up. */
export interface Sending {
  readonly key: string;
  readonly bytes: number;
  readonly sent: number;
  readonly state: 'waits' | 'goes' | 'done' | 'failed';
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
  /** Sends files behind those that are on their way. @returns whether all of them are there now */
  readonly send: (bucket: string, prefix: string, chosen: readonly Chosen[]) => Promise<boolean>;
}

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

  const sendAll = async (bucket: string, files: readonly { readonly key: string; readonly file: File }[]) => {
    const { signal } = over.current;
    const change = (key: string, changed: Partial<Sending>): void =>
      setSending((known) => known.map((one) => (one.key === key ? { ...one, ...changed } : one)));
    let isWhole = true;
    for (const { key, file } of files) {
      change(key, { state: 'goes' });
      try {
        await uploadFile({ bucket, key, file, signal, onBytes: (sent) => change(key, { sent }) });
        change(key, { state: 'done', sent: file.size });
      } catch (error) {
        isWhole = false;
        change(key, { state: 'failed', trouble: error instanceof Error ? error.message : String(error) });
      }
    }
    void queries.invalidateQueries({ queryKey: ['folder', bucket] });
    void queries.invalidateQueries({ queryKey: ['buckets'] });
    return isWhole;
  };
  const send = (bucket: string, prefix: string, chosen: readonly Chosen[]): Promise<boolean> => {
    const files = chosen.map(({ path, file }) => ({ key: `${prefix}${path}`, file }));
    const keys = new Set(files.map(({ key }) => key));
    setSending((known) => [
      ...known.filter(({ key }) => !keys.has(key)),
      ...files.map(({ key, file }) => ({ key, bytes: file.size, sent: 0, state: 'waits' as const })),
    ]);
    const sent = before.current.then(() => sendAll(bucket, files));
    before.current = sent;
    return sent;
  };
  return { sending, send, isBusy: sending.some(({ state }) => state === 'waits' || state === 'goes') };
};
