/** A way to write a value down. */
interface Form {
  readonly name: string;
  readonly bytes: Buffer;
}

/**
 * The value in base64 as it stands in the middle of something else, where one or two bytes come before it in its group of three: the letters that it shares
 * with its neighbors are left out.
 */
const base64Inside = (value: Buffer, before: 0 | 1 | 2, encoding: 'base64' | 'base64url'): Buffer => {
  const text = Buffer.concat([Buffer.alloc(before), value])
    .toString(encoding)
    .replaceAll('=', '');
  const shared = [0, 2, 3][before] ?? 0;
  return Buffer.from(text.slice(shared, (before + value.length) % 3 === 0 ? undefined : -1));
};

const swapped = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

/** Forms that only bytes have, whether they are text or a key. */
const formsOfBytes = (value: Buffer): readonly Form[] => [
  { name: 'clear', bytes: value },
  { name: 'reversed', bytes: Buffer.from(value).reverse() },
  { name: 'hex', bytes: Buffer.from(value.toString('hex')) },
  { name: 'HEX', bytes: Buffer.from(value.toString('hex').toUpperCase()) },
  ...(['base64', 'base64url'] as const).flatMap((encoding) =>
    ([0, 1, 2] as const).map((before) => ({
      name: `${encoding}+${before}`,
      bytes: base64Inside(value, before, encoding),
    })),
  ),
];

const formsOfText = (text: string): readonly Form[] => {
  const everyByte = [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  return [
    { name: 'URL-encoded', bytes: Buffer.from(encodeURIComponent(text)) },
    { name: 'form-encoded', bytes: Buffer.from(new URLSearchParams([['', text]]).toString().slice(1)) },
    { name: 'URL-encoded byte by byte', bytes: Buffer.from(everyByte) },
    { name: 'URL-ENCODED byte by byte', bytes: Buffer.from(everyByte.toUpperCase()) },
    { name: 'JSON', bytes: Buffer.from(JSON.stringify(text).slice(1, -1)) },
    { name: 'UTF-16LE', bytes: Buffer.from(text, 'utf16le') },
    { name: 'UTF-16BE', bytes: swapped(text) },
    { name: 'reversed text', bytes: Buffer.from([...text].reverse().join('')) },
  ];
};

/** All forms in which a value is looked for, each once. */
export const formsOf = (value: string | Buffer): readonly Form[] => {
  const forms =
    typeof value === 'string' ? [...formsOfBytes(Buffer.from(value)), ...formsOfText(value)] : formsOfBytes(value);
  return [...new Map(forms.map((form) => [form.bytes.toString('latin1'), form])).values()];
};

/** Values that must not be found anywhere, by what they are. */
export class Canaries {
  private readonly forms: readonly (Form & { readonly of: string })[];

  constructor(values: Readonly<Record<string, string | Buffer>>) {
    this.forms = Object.entries(values).flatMap(([of, value]) => formsOf(value).map((form) => ({ ...form, of })));
  }

  /** What is in there, as in `token (hex)`. */
  in(content: Buffer): readonly string[] {
    return this.forms.filter(({ bytes }) => content.includes(bytes)).map(({ of, name }) => `${of} (${name})`);
  }
}
