// A process of its own, because the limit of a file's size is a process's: stores what it is told with the built library, and tells each outcome.
import { randomBytes } from 'node:crypto';
import { LocalObjectStore, StoreRefusal } from '@fornax/object-store';
import { DataSource } from 'typeorm';

const { url, folder, steps } = JSON.parse(process.argv[2]);
process.on('SIGXFSZ', () => undefined); // else the kernel kills who writes beyond the limit, instead of refusing

const index = await new DataSource({ type: 'postgres', url }).initialize();
const store = await LocalObjectStore.open({ folder, index, isDurable: false, garbageGraceMs: 0, orphanAgeMs: -1000 });
const headers = { contentType: 'text/plain', userMetadata: {} };
const inChunks = async function* (sizeBytes, chunkBytes) {
  for (let at = 0; at < sizeBytes; at += chunkBytes) yield randomBytes(Math.min(chunkBytes, sizeBytes - at));
};
const run = ({ kind, key, sizeBytes, chunkBytes, uploadId }) =>
  kind === 'put'
    ? store.put('b', key, inChunks(sizeBytes, chunkBytes), { ...headers, sizeBytes })
    : store.putPart({ bucket: 'b', key, uploadId }, 1, inChunks(sizeBytes, chunkBytes), sizeBytes);
const outcomes = [];
for (const step of steps)
  outcomes.push(
    await run(step).then(
      () => 'stored',
      (error) => (error instanceof StoreRefusal ? error.problem : String(error)),
    ),
  );
await store.close();
await index.destroy();
console.log(JSON.stringify(outcomes));
