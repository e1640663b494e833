/**
 * A strict reader of Prometheus' text format 0.0.4. Throws at the first thing that is not as it should be, so that a
 * test fails.
 */

/** A family as it stands in the text. */
export interface Family {
  type: 'counter' | 'gauge' | 'histogram' | 'summary';
  help: string;
  samples: Sample[];
}

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\["\\\\n])*)"';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{((?:${LABEL})(?:,${LABEL})*)\\})? (\\S+)$`);
const NUMBER = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]Inf|NaN)$/i;

/** Reads a whole exposition: every family by its name. */
export function readExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) {
    throw new Error('the last line must end in a newline');
  }
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let help: { name: string; text: string } | null = null;
  let open: { name: string; family: Family } | null = null;
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    if (line === '') {
      continue;
    }
    if (line.startsWith('# HELP ')) {
      const [, name = fail('no name'), about = ''] =
        new RegExp(`^# HELP (${NAME}) (.+)$`).exec(line) ?? fail('not a HELP line');
      if (families.has(name)) {
        fail('this family was there before');
      }
      help = { name, text: about };
      open = null;
    } else if (line.startsWith('# TYPE ')) {
      const [, name = '', type] =
        new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary)$`).exec(line) ?? fail('not a TYPE line');
      if (help?.name !== name) {
        return fail('TYPE does not follow its HELP');
      }
      open = { name, family: { type: type as Family['type'], help: help.text, samples: [] } };
      families.set(name, open.family);
      help = null;
    } else if (line.startsWith('#')) {
      fail('neither HELP nor TYPE');
    } else {
      const sample = readSample(line) ?? fail('not a sample');
      if (open === null || !belongs(sample.name, open.name, open.family.type)) {
        return fail('a sample outside its family');
      }
      const id = `${sample.name} ${labelSet(sample.labels)}`;
      if (series.has(id)) {
        fail('the same series twice');
      }
      series.add(id);
      open.family.samples.push(sample);
    }
  }
  for (const [name, family] of families) {
    checkFamily(name, family);
  }
  return families;
}

function readSample(line: string): Sample | null {
  const [, name, labels] = SAMPLE.exec(line) ?? [];
  const value = line.slice(line.lastIndexOf(' ') + 1);
  if (name === undefined || !NUMBER.test(value)) {
    return null;
  }
  const read: Record<string, string> = {};
  for (const [, label = '', text = ''] of (labels ?? '').matchAll(new RegExp(LABEL, 'g'))) {
    if (label in read) {
      return null;
    }
    read[label] = text;
  }
  return { name, labels: read, value: Number(value.replace('Inf', 'Infinity')) };
}

function belongs(sample: string, family: string, type: Family['type']): boolean {
  if (type === 'histogram') {
    return [`${family}_bucket`, `${family}_sum`, `${family}_count`].includes(sample);
  }
  return type === 'summary' ? [family, `${family}_sum`, `${family}_count`].includes(sample) : sample === family;
}

function checkFamily(name: string, { type, samples }: Family): void {
  if (type === 'counter' && !name.endsWith('_total')) {
    throw new Error(`${name}: counters end in _total`);
  }
  for (const { value } of samples) {
    if (type === 'counter' && !(value >= 0)) {
      throw new Error(`${name}: a counter of ${value}`);
    }
  }
  if (type === 'histogram') {
    checkHistogram(name, samples);
  }
}

/** The labels in an order of their own, so that equal sets are equal texts. */
function labelSet(labels: Record<string, string>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${value}"`)
    .toSorted((one, other) => one.localeCompare(other))
    .join();
}

/** Buckets of each series must grow and end in +Inf, which is the count. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const bySeries = new Map<
    string,
    { buckets: [le: number, count: number][]; sum: number | null; count: number | null }
  >();
  for (const sample of samples) {
    const { le, ...others } = sample.labels;
    const id = labelSet(others);
    const found = bySeries.get(id) ?? { buckets: [], sum: null, count: null };
    bySeries.set(id, found);
    if (sample.name.endsWith('_bucket')) {
      found.buckets.push([Number(le?.replace('Inf', 'Infinity')), sample.value]);
    } else if (sample.name.endsWith('_sum')) {
      found.sum = sample.value;
    } else {
      found.count = sample.value;
    }
  }
  for (const [id, { buckets, sum, count }] of bySeries) {
    const grows = buckets.every(([le, value], index) => {
      const before = buckets[index - 1];
      return before === undefined || (le > before[0] && value >= before[1]);
    });
    const last = buckets.at(-1);
    if (!grows || last === undefined || last[0] !== Infinity || last[1] !== count || sum === null) {
      throw new Error(`${name}{${id}}: not a histogram`);
    }
  }
}
