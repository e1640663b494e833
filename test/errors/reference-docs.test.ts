import { errorReference } from '../../src/errors/reference-docs';
import { FINDING_CODES } from '../../src/errors/finding-codes';
import { START_ERRORS } from '../../src/errors/start-errors';
import { STEP_ERRORS } from '../../src/errors/step-errors';
import { WEBHOOK_ERRORS } from '../../src/errors/webhook-errors';

test('the reference describes every code once, in whole sentences', () => {
  const reference = errorReference(FINDING_CODES);
  for (const [code, { meaning, remedy }] of [FINDING_CODES, START_ERRORS, STEP_ERRORS, WEBHOOK_ERRORS].flatMap(
    (table) => Object.entries<{ meaning: string; remedy: string }>(table),
  )) {
    expect(reference.split('\n').filter((line) => line.startsWith(`| \`${code}\` |`))).not.toEqual([]);
    expect({ code, meaning }).toEqual({ code, meaning: expect.stringMatching(/^[A-Z`].*\.$/s) });
    expect({ code, remedy }).toEqual({ code, remedy: expect.stringMatching(/\.$/) });
  }
});

test('the codes of failed steps are sorted, so that one is found', () => {
  expect(Object.keys(STEP_ERRORS)).toEqual(Object.keys(STEP_ERRORS).sort());
});
