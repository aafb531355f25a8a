import { z } from 'zod';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is no sha256 digest');
const descriptor = z.object({
  mediaType: z.string(),
  digest,
  size: z.number().int().nonnegative(),
});

/** A part of an image: what it is called, how long it is, and what it holds. */
export type Descriptor = z.output<typeof descriptor>;

/** The parts of an image for one kind of machine. */
export const manifestSchema = z.object({
  config: descriptor,
  layers: z.array(descriptor).max(512),
});
export type ImageManifest = z.output<typeof manifestSchema>;

/** Images for several kinds of machines. */
export const indexSchema = z.object({
  manifests: z
    .array(
      descriptor.extend({
        platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }).optional(),
      }),
    )
    .max(512),
});
export type ImageIndex = z.output<typeof indexSchema>;

const words = z.array(z.string()).nullish();

/** What an image says of how to run it. */
export const imageConfigSchema = z
  .object({
    Env: words,
    Entrypoint: words,
    Cmd: words,
    WorkingDir: z.string().nullish(),
    User: z.string().nullish(),
  })
  .nullish();

/** An image's description. */
export const configSchema = z.object({
  config: imageConfigSchema,
  rootfs: z.object({ diff_ids: z.array(digest) }),
});

/** What a command gets of its image. */
export const imageSettingsSchema = z.object({
  env: z.record(z.string(), z.string()),
  entrypoint: z.array(z.string()),
  command: z.array(z.string()),
  directory: z.string(),
  user: z.string(),
});
export type ImageSettings = z.output<typeof imageSettingsSchema>;

const variablesOf = (lines: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    lines.flatMap((line) => {
      const at = line.indexOf('=');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
    }),
  );

export const settingsOf = ({ config }: Pick<z.output<typeof configSchema>, 'config'>): ImageSettings => ({
  env: variablesOf(config?.Env ?? []),
  entrypoint: [...(config?.Entrypoint ?? [])],
  command: [...(config?.Cmd ?? [])],
  directory: config?.WorkingDir ?? '',
  user: config?.User ?? '',
});

/** What registries call this kind of machine. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** The image of several that runs here. */
export const chosenOf = ({ manifests }: ImageIndex, arch: string = process.arch): Descriptor | undefined =>
  manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === ARCHITECTURES[arch]);
