import {
  PLACEHOLDER_IMAGE,
  type DocumentConstant,
  type DocumentPort,
  type ProfileDocument,
} from '../profile-document/profile-document.js';

const tag: DocumentConstant = { name: 'DOCKER_TAG', description: 'Version of the software: the tag of the image' };
const text = (name: string, description: string, value?: string): DocumentConstant => ({
  name,
  description,
  ...(value === undefined ? {} : { value }),
});
const integer = (name: string, description: string, value: string, min = 1, max = 100_000): DocumentConstant => ({
  name,
  type: 'integer',
  description,
  value,
  min,
  max,
});

/** What public scripts set of every profile of a simulation. */
const simulation: readonly DocumentConstant[] = [
  tag,
  { name: 'SETUP_CLUSTER_NB_SLOTS' },
  text('POST_PROCESSING_CMD', 'Command to run after the simulation'),
  text('USE_SIMULATION_MAXIMUM_EXECUTION_TIME', 'Whether the simulation ends after the time below', 'false'),
  text('SIMULATION_MAXIMUM_EXECUTION_TIME', 'Time after which the simulation ends, such as 8h'),
  { name: 'LOCAL_FILES_COPY_FEATURE' },
  { name: 'LOCAL_FILES_COPY_INTERVAL_SEC' },
  { name: 'LOCAL_FILES_COPY_REGEX' },
  text('WAIT_FOR_LICENSE_AVAILABILITY', 'Whether the simulation waits for a license'),
];
const license = ['HOSTNAME', 'IP', 'PORT'].map((part) =>
  text(`LICENSE_SERVER_${part}`, `License server: ${part.toLowerCase()}`),
);

interface Kind {
  readonly end: string;
  readonly what: string;
  readonly ports: readonly DocumentPort[];
  readonly constants: readonly DocumentConstant[];
}
const BATCH: Kind = { end: '', what: '', ports: [], constants: [] };
const SSH: Kind = {
  end: '-ssh',
  what: ', with a way in over SSH',
  ports: [{ port: 22, kind: 'ssh' }],
  constants: [{ name: 'DOCKER_SSH' }],
};
const VNC: Kind = {
  end: '-vnc',
  what: ', with a desktop over VNC',
  ports: [{ port: 5900, kind: 'vnc' }],
  constants: [
    text('VNC_PASSWORD', 'Password of the desktop, at most eight characters'),
    text('NO_EXIT', 'Stay when it is over'),
  ],
};
const VNC_SSH: Kind = {
  end: '-vnc-ssh',
  what: ', with a desktop over VNC and a way in over SSH',
  ports: [...VNC.ports, ...SSH.ports],
  constants: [...VNC.constants, ...SSH.constants],
};

const waiting = (
  name: string,
  description: string,
  constants: readonly DocumentConstant[],
  more: Partial<ProfileDocument> = {},
): ProfileDocument => ({
  name,
  description,
  image: PLACEHOLDER_IMAGE,
  constants,
  network: 'none',
  ...more,
});

/** What a constant holds that is a line for a shell. */
const lineOf = (name: string): string => `/bin/sh -c \${${name}}`;

/** A simulation whose scripts give its command in a constant of its own, in several kinds. */
const simulations = (
  name: string,
  software: string,
  command: DocumentConstant,
  kinds: readonly Kind[],
  own: readonly DocumentConstant[] = [],
  line = lineOf(command.name),
): readonly ProfileDocument[] =>
  kinds.map(({ end, what, ports, constants }) =>
    waiting(`${name}${end}`, `${software}${what}`, [command, ...own, ...simulation, ...constants], {
      command: line,
      network: ports.length > 0 ? 'outgoing' : 'none',
      ...(ports.length > 0 ? { ports } : {}),
    }),
  );

const blender = waiting(
  'blender',
  'Frames of a Blender file, one for each instance',
  [
    text('BLEND_FILE', 'The file, among the inputs'),
    text('BLEND_SLICING', 'In how many parts a frame is rendered', '1'),
    text('BLEND_ENGINE', 'What renders', 'CYCLES'),
    text('BLEND_FORMAT', 'Format of the pictures', 'PNG'),
    integer('BLEND_W', 'Width of a picture', '1920'),
    integer('BLEND_H', 'Height of a picture', '1080'),
    integer('BLEND_RATIO', 'Percent of the size', '100', 1, 1_000),
    integer('BLEND_CYCLES_SAMPLES', 'Samples of a pixel', '128'),
    tag,
  ],
  {
    command: 'blender -b ${BLEND_FILE} -E ${BLEND_ENGINE} -F ${BLEND_FORMAT} -o //frame- -f ${INSTANCE_ID}',
  },
);
const houdini = waiting('houdini', 'Frames of a Houdini scene', [
  text('INPUT_FILE', 'The scene, among the inputs'),
  text('OUTPUT_FILE', 'Name of the pictures'),
  text('FRAME_RANGE', 'Which frames'),
  text('RENDER_TYPE', 'What renders'),
  text('RESOLUTION', 'Size of a picture'),
  ...license,
  tag,
]);
const meshroom = waiting('meshroom', 'A model out of photographs', [
  text('INPUT_FOLDER', 'Folder of the photographs, among the inputs'),
  text('OUTPUT_FOLDER', 'Folder of the model'),
  text('LOGS_FOLDER', 'Folder of what it logs'),
  text('MESHROOM_EXTRA_FLAGS', 'Further flags'),
  text('VERBOSE_LEVEL', 'How much it says'),
  tag,
]);
/** The task says the command itself. */
const plain = (name: string, description: string): ProfileDocument => waiting(name, description, [tag]);

/**
 * Documents for the names that public scripts use: a team fills in its image, and what else its image wants, and publishes them. Until then a task that
 * names one is refused with a sentence that says so.
 */
export const shippedProfiles: readonly ProfileDocument[] = [
  blender,
  houdini,
  meshroom,
  plain('python', 'A Python program'),
  plain('ubuntu', 'A command on Ubuntu'),
  ...simulations('fds', 'Fire Dynamics Simulator', text('FDS_CMD', 'Command of FDS'), [BATCH, VNC]),
  ...simulations('fds-non-cluster', 'Fire Dynamics Simulator on one node', text('FDS_CMD', 'Command of FDS'), [
    BATCH,
    VNC_SSH,
  ]),
  ...simulations(
    'openfoam',
    'OpenFOAM',
    text('RUN_SCRIPT', 'Script that runs the case'),
    [BATCH, SSH],
    [text('OPENFOAM_INPUT_DIRECTORY_NAME', 'Folder of the case')],
  ),
  ...simulations('openfoam-foundation', 'OpenFOAM of the foundation', text('RUN_SCRIPT', 'Script that runs the case'), [
    BATCH,
    SSH,
  ]),
  ...simulations(
    'code-aster',
    'code_aster',
    text('CA_EXPORT_FILE', 'The export file, among the inputs'),
    [BATCH, SSH],
    [],
    'run_aster ${CA_EXPORT_FILE}',
  ),
  ...simulations('ansys-fluent', 'Ansys Fluent', text('FLUENT_CMD', 'Command of Fluent'), [BATCH, SSH, VNC]),
  ...simulations('ansys-mechanical', 'Ansys Mechanical', text('MECHANICAL_CMD', 'Command of Mechanical'), [BATCH, VNC]),
  ...simulations(
    'starccm',
    'Simcenter STAR-CCM+',
    text('STARCCM_CMD', 'Command of STAR-CCM+'),
    [BATCH, SSH, VNC],
    [text('STARCCM_PRECISION', 'Precision of its numbers')],
  ),
  ...simulations(
    'ls-dyna',
    'LS-DYNA',
    text('LSDYNA_CMD', 'Command of LS-DYNA'),
    [BATCH, VNC],
    [text('SLOTS', 'Slots of a node'), text('CORES_PER_SLOT', 'Cores of a slot')],
  ),
  ...simulations(
    'altair-hyperworks',
    'Altair HyperWorks',
    text('ALTAIR_MECHA_CMD', 'Command of HyperWorks'),
    [BATCH, SSH, VNC],
    [text('ALM_HHWU_TOKEN', 'Token of the license')],
  ),
];
