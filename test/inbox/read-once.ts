import { InboxReader } from '../../src/inbox/archive/reader';

/* A child process that reads the inbox once and ends, as `bridge events list` does. Argument: data folder. */
const [, , dataDir = ''] = process.argv;
const reader = InboxReader.open(dataDir);
reader.list({ limit: 1 });
reader.close();
