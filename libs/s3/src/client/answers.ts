export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** Changes with the object's content; with its age where the storage names no ETag. */
  readonly version: string;
}

/** One page of ListObjectsV2. */
export interface ObjectPage {
  readonly objects: readonly ListedObject[];
  readonly next: string | undefined;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
const unescapeXml = (text: string): string =>
  text.replaceAll(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return ENTITIES[name ?? ''] ?? whole;
  });
const element = (xml: string, name: string): string | undefined => {
  const text = new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(xml)?.[1];
  return text === undefined ? undefined : unescapeXml(text);
};

/** Reads the answer to a ListObjectsV2 request that was made with `encoding-type=url`. */
export const parseObjectPage = (xml: string): ObjectPage => {
  const isEncoded = element(xml, 'EncodingType') === 'url';
  const decode = (key: string): string => (isEncoded ? decodeURIComponent(key.replaceAll('+', ' ')) : key);
  const objects = [...xml.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)].map(([, contents = '']) => ({
    key: decode(element(contents, 'Key') ?? ''),
    sizeBytes: Number(element(contents, 'Size') ?? 0),
    version: `${element(contents, 'Size') ?? ''} ${element(contents, 'ETag') ?? element(contents, 'LastModified') ?? ''}`,
  }));
  return { objects, next: element(xml, 'IsTruncated') === 'true' ? element(xml, 'NextContinuationToken') : undefined };
};

/** `<Code>` and `<Message>` of an error answer. */
export const parseS3Error = (xml: string): { readonly code: string; readonly message: string } => ({
  code: element(xml, 'Code') ?? 'Unknown',
  message: element(xml, 'Message') ?? '',
});
export const uploadIdOf = (xml: string): string => element(xml, 'UploadId') ?? '';
