import type { ErrorDescription } from './error-description';

/**
 * Every error that keeps a bridge or a command from starting, apart from findings in rules and settings and from wrong
 * use of the command line.
 */
export const START_ERRORS = {
  port_in_use: {
    meaning: 'Another program listens on a port that the bridge is to use.',
    remedy: 'Stop that program, or choose another port with `PORT` or `BRIDGE_ADMIN_PORT`.',
  },
  data_folder_in_use: {
    meaning: 'Another bridge runs on the same data folder.',
    remedy: 'Stop it, or give each bridge a data folder of its own with `BRIDGE_DATA_DIR`.',
  },
  data_folder_unusable: {
    meaning: 'The data folder cannot be read or written.',
    remedy: 'Make it writable for the user that runs the bridge, or choose another with `BRIDGE_DATA_DIR`.',
  },
  data_folder_unsafe: {
    meaning: 'Another user can read or change the data folder, or a link stands in place of one of its files.',
    remedy:
      'Do what the message says: run the bridge as the owner of the folder, or give it a folder of its own with `BRIDGE_DATA_DIR`.',
  },
  data_file_damaged: {
    meaning: 'A file of the data folder is damaged.',
    remedy: 'Start the bridge: it keeps what can be read, and sets the damaged file aside.',
  },
  temporal_unreachable: {
    meaning: 'The configured Temporal does not answer, or refuses the connection.',
    remedy: 'Check `TEMPORAL_ADDRESS`, the namespace, the credentials and the network.',
  },
  temporal_misconfigured: {
    meaning: 'The settings for Temporal contradict each other, or cannot be read.',
    remedy: 'Correct the setting that the message names.',
  },
  temporal_cli_refused: {
    meaning: 'The program at `TEMPORAL_CLI_PATH` is not a Temporal CLI that the bridge can use.',
    remedy: 'Correct the path, or unset it: the bridge then finds, downloads or builds the CLI.',
  },
  temporal_cli_not_found: {
    meaning:
      'The Temporal CLI is not installed, and could neither be downloaded nor built, nor fetched from a Python package index.',
    remedy: 'Install it, and name it in `TEMPORAL_CLI_PATH`; or use a Temporal of your own with `TEMPORAL_ADDRESS`.',
  },
  dev_server_failed: {
    meaning: 'The embedded Temporal server ended, or was not ready in time.',
    remedy: 'See the log in the data folder that the message names.',
  },
} as const satisfies Readonly<Record<string, ErrorDescription>>;

/** One of {@link START_ERRORS}. */
export type StartErrorCode = keyof typeof START_ERRORS;

/** An error with a code of {@link START_ERRORS}. Its message is for the operator. */
export abstract class StartError extends Error {
  abstract readonly code: StartErrorCode;
}
