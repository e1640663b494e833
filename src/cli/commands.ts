import type { Command } from 'commander';

/** One command: what `bridge --help` says of it, and where its options and its work are. */
export interface CommandEntry {
  name: string;
  description: string;
  /** Imports the command's file and adds its options to `command`. */
  define: (command: Command) => Promise<void>;
}

/** All commands. Only the command that is called is imported: others would cost every call up to a second of module loading. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'start',
    description: 'run the bridge',
    define: async (command) => (await import('./start.js')).defineStart(command),
  },
  {
    name: 'send',
    description: 'send an event to the bridge, as VoIPBIN does (signed when a webhook secret is set)',
    define: async (command) => (await import('./send.js')).defineSend(command),
  },
  {
    name: 'rules',
    description: 'check, test and explain rule files',
    define: async (command) => (await import('./rules.js')).defineRules(command),
  },
  {
    name: 'events',
    description: 'list received events, and show what happened to them',
    define: async (command) => (await import('./events.js')).defineEvents(command),
  },
  {
    name: 'report',
    description: 'count what came and what was done for it, by rule and action',
    define: async (command) => (await import('./report.js')).defineReport(command),
  },
  {
    name: 'why',
    description: 'say why a person who called or texted got no answer',
    define: async (command) => (await import('./why.js')).defineWhy(command),
  },
  {
    name: 'jobs',
    description: 'list retries and reruns, show how far they are, cancel them',
    define: async (command) => (await import('./jobs.js')).defineJobs(command),
  },
  {
    name: 'alerts',
    description: 'list what needs a person, test the notifications, and silence them',
    define: async (command) => (await import('./alerts.js')).defineAlerts(command),
  },
  {
    name: 'audit',
    description: 'print who changed what, and when',
    define: async (command) => (await import('./audit.js')).defineAudit(command),
  },
  {
    name: 'forget',
    description: "remove a person's data, or old data, from the data folder",
    define: async (command) => (await import('./forget.js')).defineForget(command),
  },
  {
    name: 'backup',
    description: 'copy the data folder into one file, while the bridge runs',
    define: async (command) => (await import('./backup.js')).defineBackup(command),
  },
  {
    name: 'restore',
    description: 'write a backup into an empty data folder',
    define: async (command) => (await import('./backup.js')).defineRestore(command),
  },
  {
    name: 'backfill',
    description: 'ask VoIPBIN for events that no webhook delivered, and hand them to the running bridge',
    define: async (command) => (await import('./backfill.js')).defineBackfill(command),
  },
  {
    name: 'connections',
    description: 'check the providers that the bridge calls, and resume parked ones',
    define: async (command) => (await import('./connections.js')).defineConnections(command),
  },
  {
    name: 'stand-ins',
    description: 'show what would have been sent, where stand-ins take the place of providers',
    define: async (command) => (await import('./stand-ins.js')).defineStandIns(command),
  },
  {
    name: 'webhook',
    description: 'register the bridge with VoIPBIN, and see whether its events come',
    define: async (command) => (await import('./webhook.js')).defineWebhook(command),
  },
  {
    name: 'schema',
    description: 'print JSON Schemas for editors',
    define: async (command) => (await import('./schema.js')).defineSchema(command),
  },
  {
    name: 'docs',
    description: "print documentation generated from the program's definitions",
    define: async (command) => (await import('./docs.js')).defineDocs(command),
  },
];
