/** A text as a pattern that finds just it; also with the flag `u`, which takes no other character escaped outside of a class. */
export const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
