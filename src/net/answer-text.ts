import type { Response } from 'undici';

/** A server answers with more than is read. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
}

/**
 * The body of an answer as text. Bytes are counted as they are unpacked, whatever the answer's headers say: a few
 * kilobytes of gzip can be gigabytes.
 * @throws AnswerTooLarge; what the connection fails with in the middle.
 */
export async function readAnswerText(response: Pick<Response, 'body'>, limitBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > limitBytes) {
      throw new AnswerTooLarge(`the answer has more than ${limitBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
