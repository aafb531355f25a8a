/** What a person sees. A closed pipe (`npm start | head`) ends the text, not the platform. */
export interface Screen {
  say(line: string): void;
  /** Text as it is, without a line end added. */
  write(text: string): void;
}

export const openScreen = (): Screen => {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const startedAt = performance.now();
  const clock = () => `${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s`;
  return {
    say: (line) => void process.stdout.write(`${clock()}  ${line}\n`),
    write: (text) => void process.stdout.write(text),
  };
};
