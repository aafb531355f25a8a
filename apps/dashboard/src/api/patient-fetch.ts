import { judged, reach } from './reach.ts';
import { heardBody, silenceOf } from './silence.ts';

/** A read without an answer for so long is late: the platform is asked whether it is there. */
const LATE_MS = 4_000;
/** A read is given up when nothing of it came for so long: what another price list makes of a million lines takes a minute. Reads of a platform that was away are asked anew before. */
const SILENT_MS = 300_000;

const read = async (request: Request): Promise<Response> => {
  const silence = silenceOf(SILENT_MS, request.signal);
  try {
    const response = await fetch(request, { signal: silence.signal });
    silence.heard();
    if (response.body !== null) return new Response(heardBody(response.body, silence), response);
    silence.end();
    return response;
  } catch (error) {
    silence.end();
    throw error;
  }
};

/** Sends a request and tells whether the platform answered. Reads have a limit of silence; what writes is never cut, for nobody knew what came of it. */
export const patientFetch = async (request: Request): Promise<Response> => {
  const late = setTimeout(reach.doubt, LATE_MS);
  try {
    return judged(await (request.method === 'GET' ? read(request) : fetch(request)));
  } catch (error) {
    if (!request.signal.aborted) reach.doubt();
    throw error;
  } finally {
    clearTimeout(late);
  }
};
