import { pino, stdTimeFunctions, type Logger } from 'pino';
import { z } from 'zod';
import { indented, printableLines, visible } from '../text/printable';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const LINE = z.looseObject({
  level: z.string(),
  time: z.string(),
  msg: z.string().default(''),
  name: z.string().optional(),
});

/** Where log lines go. Each ends in a newline. */
export interface LogSink {
  write(line: string): void;
}

export interface LogOptions {
  /** The part of the bridge that logs: `bridge`, `worker`. */
  name?: string;
  /** `trace` to `fatal`, or `silent`. Default: `LOG_LEVEL`, or `info` when that is not a level. */
  level?: string;
  /** One short line for people instead of JSON. Default: whether the output is a terminal. */
  pretty?: boolean;
  /** Default: standard output. */
  sink?: LogSink;
}

/**
 * Makes the program's logger: one JSON object per line, times in UTC. A `Secret` shows as `***` wherever it is in the
 * fields. Personal data is not recognized: callers log ids and fixed words only.
 */
export function createLogger(options: LogOptions = {}): Logger {
  const sink = options.sink ?? process.stdout;
  const wanted = options.level ?? process.env['LOG_LEVEL'] ?? 'info';
  const level = LEVELS.find((known) => known === wanted.toLowerCase()) ?? 'info';
  const pretty = options.pretty ?? (options.sink === undefined && process.stdout.isTTY);
  const colour = pretty && options.sink === undefined && process.env['NO_COLOR'] === undefined;
  return pino(
    {
      level,
      base: options.name === undefined ? null : { name: options.name },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void sink.write(pretty ? prettyLine(line, colour) : visible(line)) },
  );
}

/** `12:00:01 WARN  worker: connection parked  connection=hubspot`, with an error's stack below, indented. */
function prettyLine(json: string, colour: boolean): string {
  const parsed = LINE.safeParse(JSON.parse(json));
  if (!parsed.success) {
    return visible(json);
  }
  const { level, time, msg, name, err, ...fields } = parsed.data;
  const shown = Object.entries(fields).map(([key, value]) => `${key}=${shownValue(value)}`);
  const message = [`${name === undefined ? '' : `${name}: `}${msg}`, shown.join(' ')]
    .filter((part) => part !== '')
    .join('  ');
  const line = `${time.slice(11, 19)}Z ${painted(level, colour)} ${printableLines([message])}`;
  const stack: unknown = typeof err === 'object' && err !== null && 'stack' in err ? err.stack : undefined;
  return typeof stack === 'string' ? `${line}\n${printableLines(indented(stack, '  '))}\n` : `${line}\n`;
}

function shownValue(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function painted(level: string, colour: boolean): string {
  const word = level.toUpperCase().padEnd(5);
  const code = level === 'warn' ? 33 : level === 'error' || level === 'fatal' ? 31 : null;
  return colour && code !== null ? `\u001B[${code}m${word}\u001B[0m` : word;
}
