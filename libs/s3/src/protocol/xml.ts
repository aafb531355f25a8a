import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { malformedXml } from './s3-error.js';

/**
 * An element's content: text, or child elements in order; a list repeats its element, undefined leaves it out. Attributes stand behind the name,
 * as they are written.
 */
export type XmlContent = string | number | boolean | XmlChildren;
export interface XmlChildren {
  readonly [element: string]: XmlContent | readonly XmlContent[] | undefined;
}

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
const NAMED: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Control characters are written as references, as Amazon S3 does: keys may hold them. */
const escapeText = (text: string): string =>
  text.replace(
    /[&<>"'\u0000-\u001f\u007f\ufffe\uffff]/g,
    (character) => NAMED[character] ?? `&#x${character.charCodeAt(0).toString(16)};`,
  );

const isList = (content: XmlContent | readonly XmlContent[]): content is readonly XmlContent[] =>
  Array.isArray(content);

const write = (children: XmlChildren): string =>
  Object.entries(children)
    .map(([element, content]) => {
      if (content === undefined) return '';
      return (isList(content) ? content : [content])
        .map(
          (one) =>
            `<${element}>${typeof one === 'object' ? write(one) : escapeText(String(one))}</${element.split(' ', 1)[0] ?? ''}>`,
        )
        .join('');
    })
    .join('');

/** A document of the S3 namespace. */
export const xmlDocument = (root: string, children: XmlChildren): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${NAMESPACE}">${write(children)}</${root}>`;

/** An error document: S3 gives those no namespace. */
export const errorDocument = (children: XmlChildren): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${write(children)}</Error>`;

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false, // no document of a client defines entities; the five of XML and numeric ones are read below
  removeNSPrefix: true,
  isArray: (name) => name === 'Object' || name === 'Part',
});

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const unescapeText = (text: string): string =>
  text.replace(
    /&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));/gi,
    (whole, hex?: string, decimal?: string, named?: string) => {
      if (named !== undefined) return ENTITIES[named.toLowerCase()] ?? whole;
      const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) ? String.fromCodePoint(point) : whole;
    },
  );

/** No request of S3 is deeper than four elements; a completion of 10,000 parts with a checksum each is 50,000 of them. */
const MAX_DEPTH = 16;
const MAX_ELEMENTS = 100_000;

/** Whether a document may be parsed: told in one pass without recursion, whether it is well-formed or not. */
const isWithinBounds = (text: string): boolean => {
  let depth = 0;
  let elements = 0;
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at + 1)) {
    const next = text[at + 1];
    if (next === '/') depth -= 1;
    else if (next !== '!' && next !== '?') {
      const end = text.indexOf('>', at);
      elements += 1;
      if (end < 0 || text[end - 1] !== '/') depth += 1;
    }
    if (depth > MAX_DEPTH || elements > MAX_ELEMENTS) return false;
  }
  return true;
};

/** What a parsed document holds, read with the functions below. */
export type XmlNode = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is XmlNode =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The root element of a document, whatever its name; undefined when it is not well-formed, has a document type, is too deep or has too many
 * elements.
 */
export const readXml = (text: string): { readonly root: string; readonly content: XmlNode } | undefined => {
  if (/<!(DOCTYPE|ENTITY)/i.test(text) || !isWithinBounds(text) || XMLValidator.validate(text) !== true)
    return undefined;
  let parsed: unknown;
  try {
    parsed = parser.parse(text);
  } catch {
    return undefined;
  }
  const [found] = isNode(parsed) ? Object.entries(parsed).filter(([name]) => !/^[?#]/.test(name)) : [];
  if (!found) return undefined;
  const [root, content] = found;
  if (isNode(content)) return { root, content };
  return typeof content === 'string' ? { root, content: {} } : undefined; // an element without children
};

/** @throws S3Error MalformedXML: no document that can be read, or another root */
export const parseXml = (text: string, root: string): XmlNode => {
  const document = readXml(text);
  if (document?.root !== root) throw malformedXml();
  return document.content;
};

export const childText = (node: XmlNode, name: string): string | undefined => {
  const value = node[name];
  return typeof value === 'string' ? unescapeText(value) : undefined;
};

export const childNodes = (node: XmlNode, name: string): readonly XmlNode[] => {
  const value = node[name];
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((child: unknown) => {
    if (!isNode(child)) throw malformedXml();
    return child;
  });
};
