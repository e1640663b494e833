import { inspect } from 'node:util';
import { z } from 'zod';

/**
 * A secret string that cannot be printed by accident: conversion to text, JSON and inspection give `***`. Only
 * {@link Secret.reveal} returns the value; call it where the value is sent.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [inspect.custom](): string {
    return '***';
  }
}

/** A setting that is a secret: a non-empty string in the file, a {@link Secret} in the program. */
export function secret() {
  return z
    .string()
    .min(1)
    .transform((value) => new Secret(value));
}
