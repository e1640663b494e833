/** What a coded error means, and what to do about it. docs/errors.md is made of these. */
export interface ErrorDescription {
  /** One or two sentences. */
  readonly meaning: string;
  /** What the operator does. */
  readonly remedy: string;
}
