import { Document, visit } from 'yaml';

const NEEDS_QUOTES = /[^\P{Cc}\n]|[\u2028\u2029\p{Bidi_Control}]/u;

/** A value as YAML; strings with control characters but the ends of lines in double quotes, where their escapes mean the same. */
export const yamlOf = (value: unknown): string => {
  const document = new Document(value);
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === 'string' && NEEDS_QUOTES.test(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString({ lineWidth: 0 }).trimEnd();
};
