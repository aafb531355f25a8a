import { gzipSync } from 'node:zlib';
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';

import { digestOf, provideBusybox, type PushedLayer } from './test-registry.js';
import { type Headers, pack } from 'tar-stream';

/** An entry of a layer: its header, and what is in it. */
export type LayerEntry = readonly [
  header: Partial<Headers> & { readonly name: string; readonly pax?: Readonly<Record<string, string>> },
  content?: string | Buffer,
];

/** A layer with these entries, in their order. */
export const tarOf = async (entries: readonly LayerEntry[]): Promise<Buffer> => {
  const made = pack();
  const bytes = buffer(Readable.from(made));
  for (const [header, content] of entries) made.entry(header, content ?? '');
  made.finalize();
  return bytes;
};

export const layerOf = async (entries: readonly LayerEntry[]): Promise<PushedLayer> => {
  const plain = await tarOf(entries);
  return { bytes: gzipSync(plain, { level: 1 }), diffId: digestOf(plain) };
};

const APPLETS = ['sh', 'echo', 'cat', 'ls', 'id', 'pwd', 'touch', 'env', 'sleep', 'stat', 'readlink'] as const;

/** A small root on the spot: a shell, the usual programs, and a file that says whose it is. */
export const busyboxEntries = async (mark: string): Promise<readonly LayerEntry[]> => [
  [{ name: 'bin/', type: 'directory', mode: 0o755 }],
  [{ name: 'bin/busybox', mode: 0o4755 }, await readFile(await provideBusybox())],
  ...APPLETS.map((applet) => [{ name: `bin/${applet}`, type: 'symlink', linkname: 'busybox' }] as const),
  [{ name: 'app/', type: 'directory', mode: 0o700 }],
  [{ name: 'app/mark', mode: 0o600 }, `${mark}\n`],
];
