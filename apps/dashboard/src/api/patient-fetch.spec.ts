import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';

type Ask = (request: Request | string, options?: { readonly signal?: AbortSignal }) => Promise<Response>;

const LIGHT = '/fornax/v1/me';
/** A read is late after 4 s, the light request after 6 more; it is asked again 3 s later. */
const [LATE_MS, LIGHT_MS, AGAIN_MS] = [4_000, 6_000, 3_000];
const READS: readonly (readonly [string, string])[] = [
  ['GET', '/fornax/v1/nodes'],
  ['POST', '/tasks/summaries/paginate'],
];

/** A network that is there, or swallows what it is given; what was swallowed stays so. */
let isGone: boolean;
/** How many connections carry a request whose answer has not come. */
let open: number;
const answer: Ask = (request, options) => {
  const signal = options?.signal ?? (request instanceof Request ? request.signal : undefined);
  if (!isGone) return Promise.resolve(Response.json({}));
  open += 1;
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => {
      open -= 1;
      reject(signal.reason);
    });
  });
};

const realFetch = globalThis.fetch;

beforeAll(() => {
  // One time for all of them: what is known of the platform is known once for a page.
  jest.useFakeTimers();
  Object.assign(globalThis, { location: new URL('http://platform.example/ui/') });
});
beforeEach(() => {
  [isGone, open] = [false, 0];
  Object.assign(globalThis, { fetch: jest.fn(answer) });
});
afterAll(() => {
  jest.useRealTimers();
  Object.assign(globalThis, { fetch: realFetch });
});

/** They know the address of the page when they are loaded. */
const loaded = async () => {
  const { reach } = await import('./reach.ts');
  const { patientFetch } = await import('./patient-fetch.ts');
  const send = (method: string, path: string): Promise<string> =>
    patientFetch(new Request(`http://platform.example${path}`, { method })).then(
      () => 'answered',
      (error: Error) => error.name,
    );
  return { reach, send };
};

describe.each(READS)('a platform that does not answer %s %s', (method, path) => {
  it('has all reads cut, so that the question whether it is back can leave, and asks it until it is', async () => {
    const { reach, send } = await loaded();
    const told: boolean[] = [];
    const forget = reach.watch(() => told.push(reach.isAnswering()));
    isGone = true;
    const reads = Promise.all(Array.from({ length: 6 }, () => send(method, path)));
    await jest.advanceTimersByTimeAsync(LATE_MS + LIGHT_MS);
    expect(await reads).toEqual(Array.from({ length: 6 }, () => 'NotAnswering'));
    expect([told, open]).toEqual([[false], 0]);
    const again = send(method, path);
    isGone = false;
    await jest.advanceTimersByTimeAsync(AGAIN_MS);
    // It was asked while nobody could hear it.
    expect(await again).toBe('NotAnswering');
    expect(told).toEqual([false, true]);
    expect(await send(method, path)).toBe('answered');
    forget();
  });

  it('is there all the same where the light request is answered: what takes long is waited for', async () => {
    const { reach, send } = await loaded();
    isGone = true;
    const slow = send(method, path);
    isGone = false;
    await jest.advanceTimersByTimeAsync(60_000);
    expect([reach.isAnswering(), open]).toEqual([true, 1]);
    await jest.advanceTimersByTimeAsync(240_000);
    expect(await slow).toBe('TimeoutError');
  });
});

describe('a request that changes something', () => {
  it('is not cut, whatever the platform does', async () => {
    const { reach, send } = await loaded();
    isGone = true;
    void send('POST', '/tasks');
    await jest.advanceTimersByTimeAsync(LATE_MS + LIGHT_MS);
    expect([reach.isAnswering(), open]).toEqual([false, 1]);
    isGone = false;
    await jest.advanceTimersByTimeAsync(AGAIN_MS);
    expect([reach.isAnswering(), open]).toEqual([true, 1]);
  });
});

describe('a large answer that is on its way', () => {
  it('is not cut where all else is late, for its line is full: what comes of it is heard', async () => {
    const { reach, send } = await loaded();
    const { patientFetch } = await import('./patient-fetch.ts');
    const told: boolean[] = [];
    const forget = reach.watch(() => told.push(reach.isAnswering()));
    const line = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    jest.mocked(globalThis.fetch).mockImplementationOnce(async (_request, options) => {
      const signal = options?.signal ?? undefined;
      return new Response(line.readable.pipeThrough(new TransformStream(), { ...(signal && { signal }) }));
    });
    const download = (await patientFetch(new Request('http://platform.example/stdout'))).arrayBuffer();
    const size = download.then(
      ({ byteLength }) => byteLength,
      (error: Error) => error.name,
    );
    isGone = true;
    const late = send('GET', '/jobs');
    const out = line.writable.getWriter();
    for (let second = 0; second < 30; second += 1) {
      void out.write(new Uint8Array(1_000)).catch(() => undefined);
      await jest.advanceTimersByTimeAsync(1_000);
    }
    isGone = false;
    await out.close().catch(() => undefined);
    expect([await size, told]).toEqual([30_000, []]);
    forget();
    await jest.advanceTimersByTimeAsync(300_000);
    expect(await late).toBe('TimeoutError');
  });
});

describe('an answer that says that nobody is there', () => {
  it('has the platform asked, and it does not answer where that is said of the light request, too', async () => {
    const { reach, send } = await loaded();
    let status = 503;
    jest
      .mocked(globalThis.fetch)
      .mockImplementation(async (asked) => Response.json({}, { status: asked === LIGHT ? status : 502 }));
    await send('GET', '/jobs');
    await jest.advanceTimersByTimeAsync(0);
    expect(reach.isAnswering()).toBe(false);
    status = 401;
    await jest.advanceTimersByTimeAsync(AGAIN_MS);
    expect(reach.isAnswering()).toBe(true);
  });
});
