/** A logger that takes an allow-listed object and a sentence. Never give it numbers, texts, names or tokens. */
export interface ActionLog {
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
}
