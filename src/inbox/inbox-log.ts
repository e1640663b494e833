/** Where the inbox logs what an operator should know. Fields never contain an event's content. */
export interface InboxLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}
