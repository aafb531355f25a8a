import type { TaskCreation, WireErrors } from '@fornax/contracts';
import { problemWithSecretKey, problemWithSecretPrefix, type SecretRights } from '@fornax/domain';

type Asked = Pick<TaskCreation, 'secretsAccessRights'>;

/** Why the rights to secrets that are asked for are none, by field; undefined when they are. */
export const secretRightsProblem = ({
  secretsAccessRights: asked,
}: Asked): { readonly errors: WireErrors } | undefined => {
  const errors: Record<string, string[]> = {};
  const note = (field: string, problem: string | undefined): void => {
    if (problem !== undefined) errors[`secretsAccessRights.${field}`] = [problem];
  };
  for (const [index, { key }] of (asked?.bySecret ?? []).entries())
    note(`bySecret[${index}].key`, problemWithSecretKey(key));
  for (const [index, { prefix }] of (asked?.byPrefix ?? []).entries())
    note(`byPrefix[${index}].prefix`, problemWithSecretPrefix(prefix));
  return Object.keys(errors).length === 0 ? undefined : { errors };
};

/** The rights to secrets that are asked for; nothing where none are. */
export const askedSecretRights = ({ secretsAccessRights: asked }: Asked): { readonly secretRights?: SecretRights } => {
  const keys = (asked?.bySecret ?? []).map(({ key }) => key);
  const prefixes = (asked?.byPrefix ?? []).map(({ prefix }) => prefix);
  return keys.length + prefixes.length === 0 ? {} : { secretRights: { keys, prefixes } };
};
