import type { Readable } from 'node:stream';
import { fromBufferPromise } from 'yauzl';

/** One WAV of a ZIP. */
export interface ZippedWav {
  /** Its name in the ZIP, without folders. */
  name: string;
  content: Buffer;
}

/** `too_large`: it would unpack to more than allowed; `broken`: it is not a readable ZIP. */
export type UnzippedRecording =
  { state: 'unpacked'; files: ZippedWav[] } | { state: 'too_large' } | { state: 'broken' };

const MOST_ENTRIES = 16;

/**
 * Unpacks the WAVs of a recording's ZIP. Sizes are counted while unpacking, whatever the ZIP says about itself, so a
 * ZIP bomb ends at the limit.
 * @param limitBytes for all WAVs together, unpacked.
 */
export async function unzipRecording(zip: Buffer, limitBytes: number): Promise<UnzippedRecording> {
  const files: ZippedWav[] = [];
  let left = limitBytes;
  try {
    const archive = await fromBufferPromise(zip, { lazyEntries: true, validateEntrySizes: true });
    if (archive.entryCount > MOST_ENTRIES) {
      return { state: 'too_large' };
    }
    for await (const entry of archive.eachEntry()) {
      const name = entry.fileName.split('/').at(-1) ?? '';
      if (!/\.wav$/i.test(name)) {
        continue;
      }
      if (entry.uncompressedSize > left) {
        return { state: 'too_large' };
      }
      const content = await readUpTo(await archive.openReadStreamPromise(entry), left);
      if (content === null) {
        return { state: 'too_large' };
      }
      left -= content.length;
      files.push({ name, content });
    }
  } catch {
    // The library throws on every kind of damage; which kind it was helps nobody.
    return { state: 'broken' };
  }
  return { state: 'unpacked', files };
}

async function readUpTo(stream: Readable, limitBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) {
      stream.destroy();
      return null;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
