import { parseSize } from '../../src/yaml/size';

test.each([
  ['10MiB', 10_485_760],
  ['5GB', 5e9],
  ['1.5 kb', 1500],
  ['1KIB', 1024],
  ['7', 7],
  ['7 B', 7],
  ['2tib', 2 * 1024 ** 4],
  ['', null],
  ['MB', null],
  ['-1MB', null],
  ['10 M', null],
  ['1e9', null],
  ['ten', null],
])('%j is %j bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});
