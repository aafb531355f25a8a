/** A read that is under way, or a stream that is read. */
export interface Flight {
  /** Aborted when the read is cut. */
  readonly signal: AbortSignal;
  /** Its answer has begun. */
  readonly answered: () => void;
  /** It is over, in whichever way; what holds no connection any more is not cut. */
  readonly end: () => void;
}

/** Why a read was cut: whoever asked for it asks anew once the platform answers. */
export class NotAnswering extends Error {
  override readonly name = 'NotAnswering';

  constructor() {
    super('The platform does not answer');
  }
}

/** Those under way, and whether their answers have begun. */
const flights = new Map<AbortController, boolean>();

const cutThose = (isCut: (hasAnswered: boolean) => boolean): void => {
  for (const [flight, hasAnswered] of [...flights]) {
    if (!isCut(hasAnswered)) continue;
    flights.delete(flight);
    flight.abort(new NotAnswering());
  }
};

/**
 * All reads that are under way. A browser has six connections to a host where it speaks HTTP/1.1, and those of a network that is gone are held by reads that
 * nobody answers: cut, they leave room for the question whether the platform is back.
 */
export const inFlight = {
  begin: (): Flight => {
    const flight = new AbortController();
    flights.set(flight, false);
    return {
      signal: flight.signal,
      answered: () => {
        if (flights.has(flight)) flights.set(flight, true);
      },
      end: () => flights.delete(flight),
    };
  },
  /** Cuts all of them. */
  cut: (): void => cutThose(() => true),
  /** Cuts those whose answer has not begun: they may have been asked while nobody could hear them. */
  cutUnanswered: (): void => cutThose((hasAnswered) => !hasAnswered),
};
