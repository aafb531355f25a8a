import type { ReactNode } from 'react';

/** Colors of terminals, by the number of their sequence; in both schemes they stand out from the page. */
const COLORS: Readonly<Record<number, string>> = {
  31: 'light-dark(#b42318, #ff8a80)',
  32: 'light-dark(#1a7431, #7ee787)',
  33: 'light-dark(#8a5700, #f2cc60)',
  34: 'light-dark(#1f4fd1, #91b4ff)',
  35: 'light-dark(#8b2fb8, #e0a3ff)',
  36: 'light-dark(#0b6b74, #76e3ea)',
};

interface Style {
  readonly color?: string;
  readonly fontWeight?: number;
}

const styled = (style: Style, codes: readonly number[]): Style =>
  codes.reduce<Style>((known, code) => {
    if (code === 0) return {};
    if (code === 1) return { ...known, fontWeight: 700 };
    const color = COLORS[code >= 90 ? code - 60 : code];
    return color === undefined ? known : { ...known, color };
  }, style);

// The sequences of terminals begin with a control character.
const SEQUENCE = /\u001b\[([0-9;]*)m|\u001b\[[0-9;?]*[A-Za-z]/g;

/** A line with the colors that it asks for; all else of it is text, whatever it looks like. */
export const AnsiLine = ({ text }: { readonly text: string }): ReactNode => {
  if (!text.includes('\u001b')) return text;
  const parts: ReactNode[] = [];
  let style: Style = {};
  let from = 0;
  for (const match of text.matchAll(SEQUENCE)) {
    if (match.index > from)
      parts.push(
        <span key={from} style={style}>
          {text.slice(from, match.index)}
        </span>,
      );
    if (match[1] !== undefined) style = styled(style, match[1].split(';').map(Number));
    from = match.index + match[0].length;
  }
  parts.push(
    <span key="rest" style={style}>
      {text.slice(from)}
    </span>,
  );
  return parts;
};
