import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { readExposition } from './exposition';

const family = (name: string, type = 'gauge'): string => `# HELP ${name} x\n# TYPE ${name} ${type}\n`;
const histogram = (buckets: string): string => `${family('h', 'histogram')}${buckets}h_sum 1\nh_count 2\n`;

test('what prom-client writes is read back', async () => {
  const registers = [new Registry()];
  new Counter({ name: 'a_total', help: 'a "b" \\ c', labelNames: ['who'], registers }).inc(
    { who: 'q"u\\o\nte, {x="y"}' },
    2,
  );
  new Gauge({ name: 'b', help: 'b', registers }).set(-1.5e-7);
  new Histogram({ name: 'c_seconds', help: 'c', labelNames: ['x'], buckets: [0.1, 1], registers }).observe(
    { x: 'y' },
    0.5,
  );
  new Counter({ name: 'never_total', help: 'd', labelNames: ['x'], registers });
  const read = readExposition((await registers[0]?.metrics()) ?? '');
  expect([...read.keys()]).toEqual(['a_total', 'b', 'c_seconds', 'never_total']);
  expect(read.get('a_total')?.samples).toEqual([
    { name: 'a_total', labels: { who: 'q\\"u\\\\o\\nte, {x=\\"y\\"}' }, value: 2 },
  ]);
  expect(read.get('b')?.samples).toEqual([{ name: 'b', labels: {}, value: -1.5e-7 }]);
  expect(read.get('c_seconds')?.samples).toHaveLength(5);
});

test.each([
  ['a family twice', 'was there before', `${family('a')}a 1\n${family('b')}b 1\n${family('a')}`],
  ['TYPE twice', 'TYPE does not follow', `${family('a')}# TYPE a gauge\n`],
  ['TYPE without HELP', 'TYPE does not follow', '# TYPE a gauge\na 1\n'],
  ['a sample outside its family', 'outside its family', `${family('a')}a 1\n${family('b')}a{x="y"} 2\n`],
  ['a sample before any family', 'outside its family', 'a 1\n'],
  ['a series twice', 'the same series twice', `${family('a')}a{x="1",y="2"} 1\na{y="2",x="1"} 1\n`],
  ['no number', 'not a sample', `${family('a')}a one\n`],
  ['a label that is not quoted', 'not a sample', `${family('a')}a{x=y} 1\n`],
  ['no newline at the end', 'newline', `${family('a')}a 1`],
  ['lines run together', 'not a sample', `${family('a')}a 1# HELP b x\n`],
  ['a counter without _total', '_total', `${family('a', 'counter')}a 1\n`],
  ['a histogram without +Inf', 'not a histogram', histogram('h_bucket{le="1"} 2\n')],
  ['a histogram that shrinks', 'not a histogram', histogram('h_bucket{le="1"} 3\nh_bucket{le="+Inf"} 2\n')],
  ['a histogram whose count differs', 'not a histogram', histogram('h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\n')],
])('%s is refused: %s', (_what, why, text) => {
  expect(() => readExposition(text)).toThrow(why);
});
