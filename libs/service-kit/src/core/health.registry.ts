import { Injectable } from '@nestjs/common';

/** A reason that is more than a sentence. */
export interface Trouble {
  readonly reason: string;
  /** What an operator can do, each a sentence with the command in it, where only a person can end it. */
  readonly ways?: readonly string[];
  /** It is being mended by work that may take long: its reason tells how far that is, and changes as long as it goes on. */
  readonly isWorkedOn?: true;
}

type Found = string | Trouble | undefined;

/** @returns undefined when ready, else the reason why not, for people. A check that throws or takes over 2 s counts as not ready. */
export type ReadinessCheck = () => Promise<Found> | Found;

export interface Reason extends Trouble {
  readonly name: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly Reason[];
  /** What does not work although the rest does: the process can serve, and somebody should look. */
  readonly degraded: readonly Reason[];
}

/** One word for all of it. `degraded` still serves: a load balancer that takes it away would make a part's trouble everybody's. */
export const statusOf = ({ ready, degraded }: Readiness): 'ready' | 'degraded' | 'not ready' =>
  !ready ? 'not ready' : degraded.length > 0 ? 'degraded' : 'ready';

const CHECK_TIMEOUT_MS = 2000;

/** Where providers say whether they can serve, and what people should know although everything works. */
@Injectable()
export class HealthRegistry {
  private readonly checks = new Map<string, ReadinessCheck>();
  private readonly partChecks = new Map<string, ReadinessCheck>();
  private readonly warningTexts = new Set<string>();
  private readonly passingWarnings = new Map<string, () => string | undefined>();

  /** Registers a condition of `/health/ready`; the same name again replaces it. */
  readiness(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check);
  }

  /** Registers a condition of a part: while it has a reason, the process is ready but degraded. The same name again replaces it. */
  part(name: string, check: ReadinessCheck): void {
    this.partChecks.set(name, check);
  }

  /** A part that follows a stream. @returns where it tells why it cannot at present (undefined: it can) */
  follower(name: string): (trouble: string | undefined) => void {
    let current: string | undefined;
    this.part(name, () => current);
    return (trouble) => {
      current = trouble === undefined ? undefined : `cannot be followed: ${trouble}`;
    };
  }

  /** Something that works but should be known; shown in `/health`. The same text counts once. */
  warn(text: string): void {
    this.warningTexts.add(text);
  }

  /** The same for something that passes: shown while there is a text. The same name again replaces it. */
  warning(name: string, text: () => string | undefined): void {
    this.passingWarnings.set(name, text);
  }

  warnings(): readonly string[] {
    const passing = [...this.passingWarnings.values()].map((text) => text());
    return [...this.warningTexts, ...passing.filter((text) => text !== undefined)];
  }

  async check(): Promise<Readiness> {
    const [reasons, degraded] = await Promise.all([reasonsOf(this.checks), reasonsOf(this.partChecks)]);
    return { ready: reasons.length === 0, reasons, degraded };
  }
}

const reasonsOf = async (checks: ReadonlyMap<string, ReadinessCheck>): Promise<readonly Reason[]> => {
  const results = await Promise.all(
    [...checks].map(async ([name, check]) => ({ name, reason: await outcomeOf(check) })),
  );
  return results.flatMap(({ name, reason }) =>
    reason === undefined ? [] : [{ name, ...(typeof reason === 'string' ? { reason } : reason) }],
  );
};

const outcomeOf = async (check: ReadinessCheck): Promise<Found> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('gave no answer in time'), CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([Promise.resolve().then(check), late]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
};
