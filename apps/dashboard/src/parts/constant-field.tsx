import { Select, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Profile } from '../api/wire.ts';

type Shown = Profile['constants'][number];
type TypedConstant = Profile['fornax']['constants'][number];

/** Where secrets are typed nothing is shown. */
const isSecret = (name: string): boolean => /PASSWORD|SECRET/.test(name);

/** Those that a form asks for at first: of a published profile what its document names, of the others what says what is run. */
export const firstConstants = ({ constants, fornax }: Profile): readonly Shown[] => {
  const typed = new Map(fornax.constants.map((one) => [one.name, one]));
  if (fornax.isPublished) return constants.filter(({ name }) => typed.get(name)?.isOwn === true);
  return constants.filter(({ name }) => /(_CMD|_REPO|_TAG|_SCRIPT)$/.test(name) && !/PREPARATION|SHUTDOWN/.test(name));
};

interface FieldProps {
  readonly constant: Shown;
  readonly type: TypedConstant | undefined;
  /** What was typed; empty: nothing, so the profile's own value holds. */
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** A field for a constant, made of its type: a list where its values are listed, and nothing to type where no task may set it. */
export const ConstantField = ({ constant, type, value, onChange }: FieldProps): ReactNode => {
  const { name, value: ownValue, description } = constant;
  if (type?.allowed)
    return (
      <Select
        label={name}
        description={description}
        placeholder={ownValue}
        data={[...type.allowed]}
        value={value === '' ? null : value}
        onChange={(chosen) => onChange(chosen ?? '')}
        disabled={type.isReadOnly}
        clearable
      />
    );
  return (
    <TextInput
      label={name}
      description={description}
      type={isSecret(name) ? 'password' : 'text'}
      inputMode={type?.type === 'integer' ? 'numeric' : 'text'}
      autoComplete="off"
      placeholder={ownValue}
      value={type?.isReadOnly === true ? ownValue : value}
      disabled={type?.isReadOnly === true}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
};
