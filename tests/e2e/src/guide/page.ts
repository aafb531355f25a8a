/** One block of a page that is run, and what it must print. */
export interface Example {
  readonly language: 'bash' | 'python';
  readonly code: string;
  /** `…` stands for any text. Undefined when the page does not say. */
  readonly expected?: string;
  /** Of the fence, from 1. */
  readonly line: number;
}

interface Block {
  readonly tag: string;
  readonly code: string;
  readonly line: number;
  readonly end: number;
}

const blocksOf = (markdown: string): readonly Block[] => {
  const blocks: Block[] = [];
  let open: { tag: string; line: number; code: string[] } | undefined;
  markdown.split('\n').forEach((text, at) => {
    const fence = /^```(\S*)\s*$/.exec(text);
    if (open && fence) {
      blocks.push({ tag: open.tag, code: open.code.join('\n'), line: open.line, end: at });
      open = undefined;
    } else if (open) open.code.push(text);
    else if (fence) open = { tag: fence[1] ?? '', line: at + 1, code: [] };
  });
  return blocks;
};

/** The blocks of a page that are run, in order: those tagged `bash` or `python`, each with the `text` that directly follows. */
export const examplesOf = (markdown: string): readonly Example[] => {
  const lines = markdown.split('\n');
  const blocks = blocksOf(markdown);
  return blocks.flatMap(({ tag, code, line, end }, at) => {
    if (tag !== 'bash' && tag !== 'python') return [];
    const next = blocks[at + 1];
    const isNext = next?.tag === 'text' && lines.slice(end + 1, next.line - 1).every((text) => text.trim() === '');
    return [{ language: tag, code, line, ...(isNext ? { expected: next.code } : {}) }];
  });
};

/** Whether an output is what a page shows, but for white space at the end. */
export const isAsShown = (output: string, shown: string): boolean => {
  const parts = shown.trimEnd().split('…');
  const source = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)).join('[^]*?');
  return new RegExp(`^${source}$`).test(output.trimEnd());
};
