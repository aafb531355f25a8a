const MB = 1_000_000;

/** How far a pull is, in words for whoever looks at the live status: of what comes compressed, since that is known before. */
export class PullProgress {
  #bytes = 0;
  #layers = 0;
  #told = '';

  constructor(
    private readonly words: string,
    private readonly all: { readonly bytes: number; readonly layers: number },
    private readonly tell: (text: string) => void,
  ) {
    this.#say();
  }

  /** So many more have come. Less than nothing: what came has to come again. */
  came(bytes: number): void {
    this.#bytes += bytes;
    this.#say();
  }

  unpacked(): void {
    this.#layers += 1;
    this.#say();
  }

  #say(): void {
    const { bytes, layers } = this.all;
    const percent = bytes === 0 ? 100 : Math.floor((Math.min(this.#bytes, bytes) / bytes) * 100);
    const text = `pulls the image ${this.words}: ${percent} % of ${(bytes / MB).toFixed(1)} MB, ${this.#layers} of ${layers} layers unpacked`;
    if (text === this.#told) return;
    this.#told = text;
    this.tell(text);
  }
}
