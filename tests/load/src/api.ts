import { Agent, request } from 'node:http';
import type { RunningPlatform } from '@fornax/testing/platform';

/** A keep-alive client on node:http: the load generator must cost less than what it measures. */
export class LoadClient {
  readonly #agent: Agent;
  readonly #url: URL;

  constructor(
    private readonly platform: RunningPlatform,
    connections: number,
  ) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.#url = new URL(platform.apiUrl);
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const text = await this.text(method, path, body);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** The answer as it is. @throws Error its status is not 2xx */
  text(method: string, path: string, body?: unknown): Promise<string> {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          agent: this.#agent,
          host: this.#url.hostname,
          port: this.#url.port,
          method,
          path,
          headers: {
            authorization: this.platform.token,
            ...(payload ? { 'content-type': 'application/json', 'content-length': payload.length } : {}),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            if ((response.statusCode ?? 500) >= 300)
              reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`));
            else resolve(text);
          });
          response.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(payload);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

export const noOp = (name: string, instanceCount: number): object => ({
  name,
  profile: 'docker-batch',
  instanceCount,
  constants: [{ key: 'DOCKER_CMD', value: '/bin/true' }],
});

interface TaskView {
  readonly state: string;
  readonly errors: readonly { readonly message: string }[];
}

/** Waits for the end of a task. @throws Error when it did not succeed */
export const success = async (client: LoadClient, uuid: string, pollMs = 20): Promise<void> => {
  for (;;) {
    const { state, errors } = await client.call<TaskView>('GET', `/tasks/${uuid}`);
    if (state === 'Success') return;
    if (state === 'Failure' || state === 'Cancelled')
      throw new Error(`${uuid} is ${state}: ${errors.map(({ message }) => message).join('; ')}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
};
