import { request } from 'node:http';

/** An engine that is away or hangs holds nobody up: those whose process is known here are ended without it. */
const ANSWER_MS = 2_000;
const MOST_BYTES = 4_194_304;

const ask = (socketPath: string, method: string, path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const asked = request({ socketPath, method, path, timeout: ANSWER_MS, signal: AbortSignal.timeout(ANSWER_MS) });
    asked.once('error', () => resolve(undefined));
    asked.once('timeout', () => asked.destroy());
    asked.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MOST_BYTES) response.destroy();
      });
      response.once('error', () => resolve(undefined));
      response.once('end', () => resolve(response.statusCode === 200 ? text : undefined));
      response.once('close', () => resolve(undefined));
    });
    asked.end();
  });

/** Which containers with a label run, by their ids; none where the engine does not say. */
const running = async (socket: string, label: string): Promise<readonly string[]> => {
  const filters = encodeURIComponent(JSON.stringify({ label: [label], status: ['running', 'paused'] }));
  const text = await ask(socket, 'GET', `/containers/json?filters=${filters}`);
  const list: unknown = text === undefined ? [] : JSON.parse(text);
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) =>
    typeof entry === 'object' && entry !== null && 'Id' in entry && /^[0-9a-f]{12,64}$/.test(String(entry.Id))
      ? [String(entry.Id)]
      : [],
  );
};

/**
 * SIGKILL to all that runs in containers with a label, by the engine's API, and without the library of the agent: this is a small process.
 * @returns how many there were. Never rejects
 */
export const endContainers = async ({
  socket,
  label,
}: {
  readonly socket: string;
  readonly label: string;
}): Promise<number> => {
  const ids = await running(socket, label).catch(() => []);
  await Promise.all(ids.map((id) => ask(socket, 'POST', `/containers/${id}/kill?signal=KILL`)));
  return ids.length;
};
