import type { SessionRequest, WireInstanceSession } from '@fornax/contracts';
import type { JsonCall } from './api-connection.js';
import { trusted } from './wire-types.js';

const session = trusted<WireInstanceSession>();

/** Sessions in running instances: commands, and ports. */
export class InstanceSessionsClient {
  constructor(private readonly json: JsonCall) {}

  /** Opens one. The answer says where its connection is opened, within ten seconds. @throws ApiError 409: the instance does not run, say */
  open(id: string, instance: number, request: SessionRequest, signal?: AbortSignal): Promise<WireInstanceSession> {
    const path = `/fornax/v1/tasks/${encodeURIComponent(id)}/instances/${instance}/sessions`;
    return this.json('POST', path, session, { body: request, ...(signal ? { signal } : {}) });
  }
}
