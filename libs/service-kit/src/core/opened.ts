/** What a process opened while it starts: a start that is refused closes it, since there is no application yet that would. */
export class Opened {
  private readonly closes: (() => Promise<unknown>)[] = [];
  private isOver = false;

  /** @param close called where the start fails; at once where it has */
  add(close: () => Promise<unknown>): void {
    if (this.isOver) void close().catch(() => undefined);
    else this.closes.push(close);
  }

  /** Closes all of it. What is opened meanwhile, beside what failed, is closed as it comes. */
  async closeAll(): Promise<void> {
    this.isOver = true;
    await Promise.allSettled(this.closes.map((close) => close()));
  }
}
