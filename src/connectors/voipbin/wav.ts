const RIFF_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
const CHUNK_NAME = /^[\x20-\x7e]{4}$/;

/**
 * The most bytes that a WAV without sound has: a header, with a format chunk of the long kind and a `fact` chunk. More
 * would be at least some milliseconds of sound at 16 kB/s.
 */
export const LARGEST_EMPTY_WAV_BYTES = 80;

/**
 * Whether a WAV holds sound. A recording that was cut off, or whose side sent nothing, can be a header alone: its `data`
 * chunk is empty. What is no WAV is taken for sound, as is what follows an unfinished header.
 */
export function hasSound(file: Buffer): boolean {
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    return file.length > 0;
  }
  let at = RIFF_HEADER_BYTES;
  while (at + CHUNK_HEADER_BYTES <= file.length) {
    const name = file.toString('latin1', at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const begin = at + CHUNK_HEADER_BYTES;
    if (!CHUNK_NAME.test(name)) {
      // After an empty data chunk: a recorder that was cut off leaves its size at 0, and the sound follows.
      return true;
    }
    if (name === 'data' && size > 0) {
      return begin < file.length;
    }
    // Chunks have an even length (the size of an odd one is followed by a byte of padding).
    at = begin + size + (size % 2);
  }
  return false;
}
