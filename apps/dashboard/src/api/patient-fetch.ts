import { inFlight, NotAnswering } from './in-flight.ts';
import { isRead } from './is-read.ts';
import { judged, reach } from './reach.ts';
import { heardBody, silenceOf } from './silence.ts';

/** A request without an answer for so long is late: the platform is asked whether it is there. */
const LATE_MS = 4_000;
/** A read is given up when nothing of it came for so long: what another price list makes of a million lines takes a minute. Reads of a platform that does not answer are cut before. */
const SILENT_MS = 300_000;

const read = async (request: Request): Promise<Response> => {
  const flight = inFlight.begin();
  const silence = silenceOf(SILENT_MS, request.signal, flight.signal);
  const end = (): void => {
    silence.end();
    flight.end();
  };
  try {
    const response = await fetch(request, { signal: silence.signal });
    silence.heard();
    flight.answered();
    const heard = (): void => {
      silence.heard();
      // What stands before a platform that is not there may write a body, too.
      if (response.ok) reach.heard();
    };
    if (response.body !== null) return new Response(heardBody(response.body, { heard, end }), response);
    end();
    return response;
  } catch (error) {
    end();
    throw error;
  }
};

/** Sends a request and tells whether the platform answered. Reads have a limit of silence, and are cut when the platform does not answer; what writes never is, for nobody knew what came of it. */
export const patientFetch = async (request: Request): Promise<Response> => {
  const late = setTimeout(reach.doubt, LATE_MS);
  try {
    return judged(await (isRead(request) ? read(request) : fetch(request)));
  } catch (error) {
    if (!request.signal.aborted && !(error instanceof NotAnswering)) reach.doubt();
    throw error;
  } finally {
    clearTimeout(late);
  }
};
