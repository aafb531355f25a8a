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

/** Sends files into a bucket, one after the other, and tells how far they are; what is shown of the bucket is looked at again. */
export const useUploads = (): {
  readonly sending: readonly Sending[];
  readonly send: (bucket: string, prefix: string, chosen: readonly Chosen[]) => Promise<boolean>;
  readonly stop: () => void;
} => {
  const [sending, setSending] = useState<readonly Sending[]>([]);
  const stopper = useRef<AbortController>(undefined);
  const queries = useQueryClient();
  useEffect(() => () => stopper.current?.abort(), []);

  const send = async (bucket: string, prefix: string, chosen: readonly Chosen[]): Promise<boolean> => {
    const controller = new AbortController();
    stopper.current = controller;
    const { signal } = controller;
    const change = (key: string, changed: Partial<Sending>): void =>
      setSending((known) => known.map((one) => (one.key === key ? { ...one, ...changed } : one)));
    const files = chosen.map(({ path, file }) => ({ key: `${prefix}${path}`, file }));
    setSending(files.map(({ key, file }) => ({ key, bytes: file.size, sent: 0, state: 'waits' })));
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
  return { sending, send, stop: () => stopper.current?.abort() };
};
