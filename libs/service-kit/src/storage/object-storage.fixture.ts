import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { verifyServiceToken } from '@fornax/identity';
import { parseRange } from '@fornax/s3';

/** The areas of the storage service that services use, played by a few lines: whether the real one lets it in is tested there. */
export interface ObjectStorage {
  readonly url: string;
  readonly objects: Map<string, Buffer>;
  /** Keys of objects that it has, and cannot read. */
  readonly damaged: Set<string>;
  /** Answers, or fails as a service does that is there but cannot. */
  setThere(isThere: boolean): void;
  /** Called once, before the next object is taken. */
  onNextPut(hook: () => Promise<void>): void;
  close(): Promise<void>;
}

const AREAS = /^\/fornax-(output|tables|manifests)\//;

export const startObjectStorage = async (masterKey: Uint8Array): Promise<ObjectStorage> => {
  const objects = new Map<string, Buffer>();
  const damaged = new Set<string>();
  let isThere = true;
  let hook: (() => Promise<void>) | undefined;
  const server = createServer((request, response) => {
    void (async () => {
      const body = await buffer(request);
      const path = request.url ?? '';
      const token = verifyServiceToken(masterKey, String(request.headers['x-amz-security-token']));
      const [area, name] = AREAS.exec(path) ?? [];
      if (area === undefined || token?.claims.area !== name) return response.writeHead(403).end();
      if (!isThere) return response.writeHead(503).end();
      const key = path.slice(area.length);
      if (request.method === 'PUT') {
        const before = hook;
        hook = undefined;
        await before?.();
        objects.set(key, body);
        // It may have gone in between: stored, and nobody was told.
        return response.writeHead(isThere ? 200 : 503).end();
      }
      if (request.method === 'DELETE') {
        objects.delete(key);
        return response.writeHead(204).end();
      }
      if (damaged.has(key)) return response.writeHead(500).end();
      const object = objects.get(key);
      if (!object) return response.writeHead(404).end();
      const range = parseRange(request.headers.range, object.length);
      if (range === 'unsatisfiable') return response.writeHead(416).end();
      return response.writeHead(206).end(range ? object.subarray(range.start, range.end + 1) : object);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ objects, damaged },
    setThere: (now) => {
      isThere = now;
    },
    onNextPut: (next) => {
      hook = next;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
