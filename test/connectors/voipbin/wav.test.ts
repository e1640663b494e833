import { hasSound } from '../../../src/connectors/voipbin/wav';

const FORMAT = chunk('fmt ', Buffer.alloc(16));

function chunk(name: string, content: Buffer, size = content.length): Buffer {
  const header = Buffer.alloc(8);
  header.write(name, 0, 'latin1');
  header.writeUInt32LE(size, 4);
  return Buffer.concat([header, content, Buffer.alloc(content.length % 2)]);
}

function wav(...chunks: Buffer[]): Buffer {
  const body = Buffer.concat(chunks);
  const riff = Buffer.alloc(12);
  riff.write('RIFF', 0, 'latin1');
  riff.writeUInt32LE(body.length + 4, 4);
  riff.write('WAVE', 8, 'latin1');
  return Buffer.concat([riff, body]);
}

test.each<[string, Buffer, boolean]>([
  ['nothing', Buffer.alloc(0), false],
  ['a header alone', wav(FORMAT, chunk('data', Buffer.alloc(0))), false],
  ['a header that was cut off', wav(FORMAT), false],
  [
    'an empty data chunk before and after others',
    wav(FORMAT, chunk('data', Buffer.alloc(0)), chunk('LIST', Buffer.alloc(301))),
    false,
  ],
  ['a header that promises sound and ends', wav(FORMAT, chunk('data', Buffer.alloc(0), 16_000)), false],
  ['sound', wav(FORMAT, chunk('data', Buffer.alloc(320))), true],
  ['sound after other chunks', wav(FORMAT, chunk('LIST', Buffer.alloc(5)), chunk('data', Buffer.alloc(320))), true],
  ['sound that was cut off', wav(FORMAT, chunk('data', Buffer.alloc(320), 16_000)), true],
  ['sound after a header that was never finished', wav(FORMAT, chunk('data', Buffer.alloc(320), 0)), true],
  ['a file of another kind', Buffer.from('ID3 an MP3 under a wrong name'), true],
])('%s', (_what, file, expected) => {
  expect(hasSound(file)).toBe(expected);
});
