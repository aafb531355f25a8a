/** A hardware constraint as the API takes it. */
export interface Constraint {
  readonly discriminator: string;
  readonly [field: string]: string | number;
}

interface Kind {
  readonly label: string;
  /** What its value is called; absent: it has none. */
  readonly field?: string;
  /** Absent: a text. */
  readonly isNumber?: true;
  /** Its class in the Python SDK; absent: it has none. */
  readonly python?: string;
}

/** What hardware may be asked for, by the name that the API has for it. */
export const CONSTRAINT_KINDS = {
  MinimumCoreHardwareConstraint: {
    label: 'At least so many cores',
    field: 'coreCount',
    isNumber: true,
    python: 'MinimumCoreHardware',
  },
  MaximumCoreHardwareConstraint: {
    label: 'At most so many cores',
    field: 'coreCount',
    isNumber: true,
    python: 'MaximumCoreHardware',
  },
  MinimumRamHardwareConstraint: {
    label: 'At least so much memory (MB)',
    field: 'minimumMemoryMB',
    isNumber: true,
    python: 'MinimumRamHardware',
  },
  MaximumRamHardwareConstraint: {
    label: 'At most so much memory (MB)',
    field: 'maximumMemoryMB',
    isNumber: true,
    python: 'MaximumRamHardware',
  },
  MinimumRamCoreRatioHardwareConstraint: {
    label: 'At least so much memory a core (GB)',
    field: 'minimumMemoryGBCoreRatio',
    isNumber: true,
    python: 'MinimumRamCoreRatioHardware',
  },
  MinimumDiskHardwareConstraint: {
    label: 'At least so much room for files (MB)',
    field: 'minimumDiskMB',
    isNumber: true,
  },
  CpuModelHardwareConstraint: {
    label: 'Processor with this in its name',
    field: 'cpuModel',
    python: 'CpuModelHardware',
  },
  SpecificHardwareConstraint: {
    label: 'Hardware with this in its key',
    field: 'specificationKey',
    python: 'SpecificHardware',
  },
  SSDHardwareConstraint: { label: 'An SSD', python: 'SSDHardware' },
  NoSSDHardwareConstraint: { label: 'No SSD', python: 'NoSSDHardware' },
  GpuHardwareConstraint: { label: 'A graphics processor', python: 'GpuHardware' },
  NoGpuHardwareConstraint: { label: 'No graphics processor', python: 'NoGpuHardware' },
} as const satisfies Readonly<Record<string, Kind>>;
export type ConstraintKind = keyof typeof CONSTRAINT_KINDS;

export const kindOf = (kind: ConstraintKind): Kind => CONSTRAINT_KINDS[kind];
export const isConstraintKind = (text: string | null): text is ConstraintKind =>
  text !== null && Object.hasOwn(CONSTRAINT_KINDS, text);

/** A constraint as it is typed. */
export interface TypedConstraint {
  readonly id: number;
  readonly kind: ConstraintKind;
  readonly value: string;
}

/** Those that say what they have to; a value that is missing or no number is still being typed. */
export const constraintsOf = (typed: readonly TypedConstraint[]): readonly Constraint[] =>
  typed.flatMap(({ kind, value }): readonly Constraint[] => {
    const { field, isNumber } = kindOf(kind);
    const text = value.trim();
    if (field === undefined) return [{ discriminator: kind }];
    if (isNumber !== true) return text === '' ? [] : [{ discriminator: kind, [field]: text }];
    const number = Number(text);
    return number > 0 ? [{ discriminator: kind, [field]: number }] : [];
  });

/** Cores that an instance has: as many as it asks for at least. */
export const coresOf = (constraints: readonly Constraint[]): number =>
  Math.max(
    1,
    ...constraints
      .filter(({ discriminator }) => discriminator === 'MinimumCoreHardwareConstraint')
      .map(({ coreCount }) => Number(coreCount)),
  );
