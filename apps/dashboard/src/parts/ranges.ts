/** Numbers as the API writes them: `0-2,17`. What is no such text names nothing. */
export const rangesOf = (text: string): readonly (readonly [first: number, last: number])[] =>
  text.split(',').flatMap((part) => {
    const [, first, last = first] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    return first === undefined ? [] : [[Number(first), Number(last)] as const];
  });
