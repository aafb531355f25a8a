import { Injectable } from '@nestjs/common';

/** @returns undefined when ready, else the reason why not, for people. A check that throws or takes over 2 s counts as not ready. */
export type ReadinessCheck = () => Promise<string | undefined> | string | undefined;

export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly { readonly name: string; readonly reason: string }[];
}

const CHECK_TIMEOUT_MS = 2000;

/** Where providers say whether they can serve, and what people should know although everything works. */
@Injectable()
export class HealthRegistry {
  private readonly checks = new Map<string, ReadinessCheck>();
  private readonly warningTexts = new Set<string>();

  /** Registers a condition of `/health/ready`; the same name again replaces it. */
  readiness(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check);
  }

  /** Something that works but should be known; shown in `/health`. The same text counts once. */
  warn(text: string): void {
    this.warningTexts.add(text);
  }

  warnings(): readonly string[] {
    return [...this.warningTexts];
  }

  async check(): Promise<Readiness> {
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => ({ name, reason: await outcomeOf(check) })),
    );
    const reasons = results.flatMap(({ name, reason }) => (reason === undefined ? [] : [{ name, reason }]));
    return { ready: reasons.length === 0, reasons };
  }
}

const outcomeOf = async (check: ReadinessCheck): Promise<string | undefined> => {
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
