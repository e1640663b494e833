// @ts-check
/**
 * The floor plan of the code: one folder a noun, imports run down only, type imports included. Checked by `.ci/run`.
 *
 * A room may import the rooms of the floors below its own, and nothing of its own floor or above. docs/architecture.md
 * describes the rooms.
 */
const FLOORS = [
  ['cli'],
  ['service'],
  ['samples', 'status'],
  ['backfill', 'receiver', 'worker'],
  ['alerts', 'operations'],
  ['ingest'],
  ['inbox', 'temporal'],
  ['dispatch'],
  ['runs'],
  ['rules'],
  ['connectors'],
  ['settings'],
  ['admin', 'yaml'],
  ['events', 'net', 'setup', 'storage'],
  ['errors', 'text', 'timing'],
];

/** @param {string[]} rooms */
const inRooms = (rooms) => `^src/(${rooms.join('|')})/`;

const floorRules = FLOORS.flatMap((rooms, floor) => [
  {
    name: `${rooms.join(', ')}: only what is below`,
    severity: 'error',
    from: { path: inRooms(rooms) },
    to: { path: inRooms(FLOORS.slice(0, floor + 1).flat()), pathNot: rooms.map((room) => inRooms([room])) },
  },
  ...rooms.map((room) => ({
    name: `${room}: not its neighbours`,
    severity: 'error',
    from: { path: inRooms([room]) },
    to: { path: inRooms(rooms.filter((other) => other !== room).concat('none')) },
  })),
]);

module.exports = {
  forbidden: [
    { name: 'no circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every folder of src has a floor',
      severity: 'error',
      from: { path: '^src/', pathNot: inRooms(FLOORS.flat()) },
      to: {},
    },
    {
      name: 'only the worker imports activities',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/worker/' },
      to: { path: '^activities/' },
    },
    { name: 'src does not import workflows', severity: 'error', from: { path: '^src/' }, to: { path: '^workflows/' } },
    {
      name: 'workflows and activities import runs and below',
      severity: 'error',
      from: { path: '^(workflows|activities)/' },
      to: {
        path: inRooms(
          FLOORS.slice(
            0,
            FLOORS.findIndex((rooms) => rooms.includes('runs')),
          ).flat(),
        ),
      },
    },
    {
      name: 'rules/language: nothing of rules above it',
      severity: 'error',
      from: { path: '^src/rules/language/' },
      to: { path: '^src/rules/', pathNot: '^src/rules/language/' },
    },
    {
      name: 'rules: the rule set does not import parse',
      severity: 'error',
      from: { path: '^src/rules/(compiled-rule|plan|rule|rule-index|rule-set)[^/]*$' },
      to: { path: '^src/rules/(parse/|live-rules)' },
    },
    {
      name: 'rules/tools: for the command line and the service',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli|service|rules/tools)/' },
      to: { path: '^src/rules/tools/' },
    },
    {
      name: 'nothing imports tests or the bench',
      severity: 'error',
      from: { path: '^(src|workflows|activities)/' },
      to: { path: '^(test|bench)/' },
    },
    ...floorRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    parser: 'swc',
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
