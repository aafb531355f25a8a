import type { RunningPlatform, RunRecorder } from '@fornax/testing';
import type { Operation } from '../history/history.js';

/** What a client was answered. */
export interface Answer {
  readonly status: number;
  readonly uuid: string | undefined;
}

export interface Submission {
  readonly key: string;
  readonly instances: number;
  readonly lastsMs: number | 'held';
  /** Lines of bash (see RecordedWork). */
  readonly script?: string;
  readonly bucket?: string;
}

/** Answers after which nobody knows whether it was done (ADR 0017); the others of these say that it was not. */
const UNKNOWN = [409, 504];

/** What an answer says of a command: no answer says nothing. */
export const outcomeOf = (status: number | undefined): Operation['outcome'] =>
  status === undefined || UNKNOWN.includes(status) ? 'unknown' : status < 300 ? 'ok' : 'fail';

/** Sends one submit, under its key. @throws Error nobody answers */
export const postTask = async (
  { apiUrl, token }: RunningPlatform,
  recorder: RunRecorder,
  { key, instances, lastsMs, script, bucket }: Submission,
): Promise<Answer> => {
  const work = { lastsMs, ...(script === undefined ? {} : { script }) };
  const response = await fetch(`${apiUrl}/tasks`, {
    method: 'POST',
    headers: { authorization: token, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({
      name: key,
      profile: 'docker-batch',
      instanceCount: instances,
      ...(bucket === undefined ? {} : { resultBucket: bucket }),
      constants: [{ key: 'DOCKER_CMD', value: recorder.commandOf(key, work) }],
    }),
    signal: AbortSignal.timeout(20_000),
  });
  const body: unknown = await response.json().catch(() => undefined);
  const uuid = typeof body === 'object' && body !== null && 'uuid' in body ? String(body.uuid) : undefined;
  return { status: response.status, uuid };
};
