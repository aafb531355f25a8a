/** `?tag=a&tag=b,c` means any of the three (contract, 5.45). Nothing has a tag with a NUL in it, and no query may. */
export const tagsOf = (tag: string | readonly string[] | undefined): readonly string[] =>
  (typeof tag === 'string' ? [tag] : (tag ?? []))
    .flatMap((text) => text.split(','))
    .filter((text) => text !== '')
    .map((text) => text.replaceAll('\0', '\uFFFD'));

/** The query parameter, as the document of the API describes it. */
export const TAG_QUERY = {
  name: 'tag',
  required: false,
  isArray: true,
  type: String,
  description: 'Any of these; a value may hold several with commas between',
};
