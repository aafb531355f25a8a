import type { DocumentConstant, ProfileAudience, ProfileDocument } from '@fornax/domain';
import { z } from 'zod';
import { textOf } from './wire.js';

/** A terminal or a page would show another text than is there. */
const UNSEEN = /[^\P{Cc}\n\t]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

const seen = (maxChars: number) =>
  z
    .string()
    .max(maxChars)
    .refine((text) => !UNSEEN.test(text), 'The text holds characters that nobody sees.');
const who = z.array(z.string().min(1).max(320)).min(1).max(1_000);
/** As long as a constant of a task may be. */
const VALUE_CHARS = 2_048;

const constantSchema = z.strictObject({
  name: z.string().min(1).max(100),
  type: z
    .enum(['string', 'integer', 'boolean', 'pattern'])
    .optional()
    .meta({ description: 'What it holds; absent: text, or what a constant of this name holds in every profile' }),
  default: textOf(VALUE_CHARS).optional().meta({
    description: 'Its value where a task gives none; it may refer to other constants as ${NAME} where it is plain text',
  }),
  allowed: z.array(textOf(VALUE_CHARS)).max(200).optional().meta({ description: 'The only values that it may have' }),
  pattern: z.string().max(200).optional().meta({
    description:
      'What the whole of its text has to match: a row of characters and classes such as [a-z], \\d or ., each with a number of times',
  }),
  min: z.number().int().optional().meta({ description: 'Smallest value of a whole number' }),
  max: z.number().int().optional().meta({ description: 'Largest value of a whole number' }),
  description: seen(1_000).optional(),
  access: z
    .enum(['readWrite', 'readOnly'])
    .optional()
    .meta({ description: 'Whether a task may set it; absent: it may' }),
});

/** A profile as people write it, in YAML or JSON (`POST /fornax/v1/profiles`). */
export const profileDocumentSchema = z.strictObject({
  name: z.string().min(1).max(63).meta({ description: 'What tasks name: lower-case letters, digits, dots and dashes' }),
  description: seen(2_000).optional(),
  image: z.string().min(1).max(400).meta({
    description:
      'An image such as ghcr.io/studio/blender:4.2; host: the file system of the node; placeholder: still to be filled in',
  }),
  command: z.string().min(1).max(20_000).optional().meta({
    description: 'Split as a shell splits, run without one; absent, and no script: the task says it in DOCKER_CMD',
  }),
  script: z.string().min(1).max(30_000).optional().meta({ description: 'The text of a program for /bin/sh' }),
  constants: z.array(constantSchema).max(1_000).optional(),
  network: z.enum(['none', 'outgoing']).optional().meta({
    description: 'What an instance reaches: nothing but itself, or also what its node lets out; absent: none',
  }),
  ports: z
    .array(
      z.strictObject({
        port: z.number().int().min(1).max(65_535),
        kind: z.enum(['tcp', 'http', 'ssh', 'vnc']).optional(),
      }),
    )
    .max(1_000)
    .optional()
    .meta({ description: 'Ports of an instance that are forwarded' }),
  limits: z
    .strictObject({
      cores: z.number().positive().max(100_000).optional(),
      memoryMB: z.number().int().positive().max(1_000_000_000).optional(),
      wallSeconds: z.number().int().min(1).max(31_536_000).optional(),
    })
    .optional()
    .meta({ description: 'The most that an instance may ask for, and how long its command may run' }),
  usableBy: z
    .union([
      z.literal('everybody'),
      z.strictObject({
        organizations: who.optional().meta({ description: 'Names or ids' }),
        projects: who.optional().meta({ description: 'Ids: tasks of these projects' }),
        users: who.optional().meta({ description: 'E-mails or ids' }),
      }),
    ])
    .optional()
    .meta({
      description:
        'Who may use it, anybody of these; absent: everybody, or everybody of the organization that publishes it',
    }),
});
export type WrittenProfile = z.output<typeof profileDocumentSchema>;

/** The JSON Schema (2020-12) of profiles. */
export const profileDocumentJsonSchema = (): object => ({
  title: 'Fornax profile',
  ...z.toJSONSchema(profileDocumentSchema, { io: 'input', unrepresentable: 'any' }),
});

const without = <T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;

type WrittenConstant = NonNullable<WrittenProfile['constants']>[number];
const constantOf = ({ default: value, access, ...constant }: WrittenConstant): DocumentConstant =>
  without<DocumentConstant>({ ...constant, value, isReadOnly: access === 'readOnly' ? true : undefined });

/** The profile that a document says. @param audience who is named in it, by ids */
export const profileDocumentOf = (written: WrittenProfile, audience: ProfileAudience | undefined): ProfileDocument => {
  const { name, description = '', image, command, script, constants = [], network = 'none', ports, limits } = written;
  return without<ProfileDocument>({
    name,
    description,
    image,
    command,
    script,
    constants: constants.map(constantOf),
    network,
    ports: ports?.map(({ port, kind = 'tcp' }) => ({ port, kind })),
    limits: limits && without<NonNullable<ProfileDocument['limits']>>(limits),
    audience,
  });
};

/** In the order in which people write it. */
const writtenConstant = (constant: DocumentConstant) => ({
  name: constant.name,
  type: constant.type,
  default: constant.value,
  allowed: constant.allowed && [...constant.allowed],
  pattern: constant.pattern,
  min: constant.min,
  max: constant.max,
  description: constant.description,
  access: constant.isReadOnly === true ? ('readOnly' as const) : undefined,
});

/** A profile as the document that says it: what was published can be read, changed and published again. @param usableBy who is named in it, as people know them */
export const writtenProfileOf = (
  document: ProfileDocument,
  usableBy: WrittenProfile['usableBy'],
): z.input<typeof profileDocumentSchema> => {
  const { name, description, image, command, script, constants, network, ports, limits } = document;
  return without<z.input<typeof profileDocumentSchema>>({
    name,
    description: description === '' ? undefined : description,
    image,
    command,
    script,
    constants:
      constants.length === 0
        ? undefined
        : constants.map((constant) => without(writtenConstant(constant)) as z.input<typeof constantSchema>),
    network,
    ports: ports?.map((one) => ({ ...one })),
    limits,
    usableBy,
  });
};

/** A published profile, or one that ships and waits for its image. */
export const publishedProfileSchema = z.object({
  name: z.string(),
  /** 0: it ships with the platform, and nobody has published it. */
  version: z.number().int().nonnegative(),
  /** Name of the organization that owns it; null: it is of the platform. */
  organization: z.string().nullable(),
  description: z.string(),
  image: z.string(),
  isReady: z.boolean().meta({ description: 'Whether it names an image, or needs none' }),
  publishedAt: z.string().nullable(),
  publishedBy: z.string().nullable().meta({ description: 'E-mail; shown to those who may publish it' }),
  retiredAt: z.string().nullable(),
});
export type WirePublishedProfile = z.output<typeof publishedProfileSchema>;

/** One version with its document. */
export const profileVersionSchema = publishedProfileSchema.extend({ document: z.looseObject({ name: z.string() }) });
export type WireProfileVersion = z.output<typeof profileVersionSchema>;
