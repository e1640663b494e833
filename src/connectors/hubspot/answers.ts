import { z } from 'zod';
import { ActionError } from '../action-error';
import { failureOf, transientFailure, type HubSpotFailure } from './failure';
import type { HubSpotRecord } from './record';

const record = z.object({
  id: z.string().min(1),
  properties: z.record(z.string(), z.string().nullable()).default({}),
  updatedAt: z.date().catch(new Date(0)),
  associations: z
    .object({ contacts: z.object({ results: z.array(z.object({ id: z.string() })) }).optional() })
    .optional(),
});
const searchAnswer = z.object({
  results: z.array(record),
  paging: z.object({ next: z.object({ after: z.string() }).optional() }).optional(),
});
const texts = z.union([z.array(z.string()), z.string().transform((text) => [text])]);
const inputError = z.looseObject({
  category: z.string().catch(''),
  context: z.record(z.string(), texts).catch({}),
});
const batchAnswer = z.object({
  results: z.array(record.extend({ objectWriteTraceId: z.string().optional() })),
  errors: z.array(inputError).default([]),
});
const associationsAnswer = z.object({
  results: z.array(
    z.object({
      _from: z.object({ id: z.string() }),
      to: z.array(z.object({ toObjectId: z.union([z.string(), z.number()]).transform(String) })),
    }),
  ),
});

/** @throws ZodError, which {@link checked} classifies. */
export const readRecord = (answer: unknown): HubSpotRecord => toRecord(record.parse(answer));

/** The hits of a search, and whether there are more of them than it shows. */
export function readSearch(answer: unknown): { hits: HubSpotRecord[]; isCut: boolean } {
  const { results, paging } = searchAnswer.parse(answer);
  return { hits: results.map(toRecord), isCut: paging?.next !== undefined };
}

/** The answer to a batch: results in any order, and errors. */
export interface BatchAnswer {
  results: { record: HubSpotRecord; traceId: string | null }[];
  errors: { traceIds: readonly string[]; isMissing: boolean; conflict: HubSpotFailure | null }[];
}

/** Reads the answer to a batch, 207 included. */
export function readBatch(answer: unknown): BatchAnswer {
  const { results, errors } = batchAnswer.parse(answer);
  return {
    results: results.map((result) => ({ record: toRecord(result), traceId: result.objectWriteTraceId ?? null })),
    errors: errors.map((error) => {
      const failure = failureOf(error.category === 'CONFLICT' ? 409 : 400, NO_HEADERS, JSON.stringify(error), null);
      return {
        traceIds: error.context['objectWriteTraceId'] ?? [],
        isMissing: error.category.includes('NOT_FOUND'),
        conflict: failure.answer.conflict ? failure : null,
      };
    }),
  };
}

/** The contacts that each record is associated with, by the record's id. */
export function readAssociations(answer: unknown): Map<string, string[]> {
  return new Map(
    associationsAnswer.parse(answer).results.map(({ _from, to }) => [_from.id, to.map(({ toObjectId }) => toObjectId)]),
  );
}

const NO_HEADERS = { get: () => null };

function toRecord(parsed: z.output<typeof record>): HubSpotRecord {
  const contactIds = parsed.associations?.contacts?.results.map((association) => association.id) ?? [];
  return {
    id: parsed.id,
    properties: parsed.properties,
    updatedAt: parsed.updatedAt.getTime(),
    contactIds: [...new Set(contactIds)],
  };
}

/**
 * Calls the SDK and reads its answer. What is thrown on the SDK's own account or by the reader, after our exchange was
 * content, is an answer of an unknown shape.
 *
 * @throws ActionError only.
 */
export async function checked<Answer, Result>(
  request: () => Promise<Answer>,
  read: (answer: Answer) => Result,
): Promise<Result> {
  try {
    return read(await request());
  } catch (error) {
    throw classified(error);
  }
}

/** Errors that are none of ours are an answer of an unknown shape. */
export function classified(error: unknown): ActionError {
  return error instanceof ActionError
    ? error
    : transientFailure('HubSpot answered in an unknown shape', 'invalid_answer');
}
