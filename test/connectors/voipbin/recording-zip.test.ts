import { unzipRecording } from '../../../src/connectors/voipbin/recording-zip';
import { writeZip } from '../../../src/connectors/voipbin/stand-in/recordings';

const wav = (name: string, bytes: number) => ({ name, content: Buffer.alloc(bytes) });

test('only the WAVs, without their folders', async () => {
  const zip = writeZip([wav('a/b/x_in.wav', 10), wav('readme.txt', 10), wav('x_out.wav', 5)]);

  expect(await unzipRecording(zip, 15)).toEqual({
    state: 'unpacked',
    files: [
      { name: 'x_in.wav', content: Buffer.alloc(10) },
      { name: 'x_out.wav', content: Buffer.alloc(5) },
    ],
  });
});

test('an empty ZIP is one', async () => {
  expect(await unzipRecording(writeZip([]), 10)).toEqual({ state: 'unpacked', files: [] });
});

test('a bomb ends at the limit, also one that lies about its size', async () => {
  const bomb = writeZip([wav('x_in.wav', 50_000_000)]);
  expect(bomb.length).toBeLessThan(100_000);
  expect(await unzipRecording(bomb, 1_000)).toEqual({ state: 'too_large' });

  const lying = Buffer.from(bomb);
  const central = lying.indexOf('PK\x01\x02', 0, 'latin1');
  lying.writeUInt32LE(500, central + 24);
  lying.writeUInt32LE(500, 22);
  expect(await unzipRecording(lying, 1_000)).toEqual({ state: 'broken' });

  expect(await unzipRecording(writeZip(Array.from({ length: 20 }, (_, n) => wav(`${n}.wav`, 1))), 1_000)).toEqual({
    state: 'too_large',
  });
});

test.each([
  ['no ZIP', Buffer.from('<html>')],
  ['a cut ZIP', writeZip([wav('x_in.wav', 100)]).subarray(0, 40)],
  ['nothing', Buffer.alloc(0)],
])('%s is broken', async (_what, zip) => {
  expect(await unzipRecording(zip, 1_000)).toEqual({ state: 'broken' });
});
