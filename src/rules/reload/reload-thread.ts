import { parentPort, workerData } from 'node:worker_threads';
import { joinTexts, printableLines, type PrintableText } from '../../text/printable';
import { formatFindings } from '../../yaml/format-findings';
import { loadFiles, type LoadedFiles } from './load-files';
import type { FromReloadThread, ReloadStart } from './messages';
import { PartWriter } from './parts';

/** Of so many findings, a person mends the first ones before the others matter. */
const MAX_SHOWN = 50;

/** Checks rule files for a bridge that runs, and hands the rules over part by part, as they are asked for. */
function run({ file, hash }: ReloadStart): void {
  const files = loadFiles(file);
  const { loaded, states } = files;
  if (!loaded.ok) {
    const errors = loaded.findings.filter(({ severity }) => severity === 'error').length;
    post({ type: 'refused', states, errors, findings: loaded.findings.length, text: describe(file, files) });
    return;
  }
  const { ruleSet } = loaded;
  if (ruleSet.hash === hash) {
    post({ type: 'unchanged', states });
    return;
  }
  const parts = new PartWriter(ruleSet.rules, ruleSet.alerts);
  parentPort?.on('message', () => post({ type: 'part', part: parts.next() }));
  post({ type: 'changed', states, hash: ruleSet.hash, heartbeat: ruleSet.heartbeat });
}

function describe(file: string, { loaded: { findings }, textOf }: LoadedFiles): PrintableText {
  // Errors first: they are what keeps the files from being used.
  const ordered = [...findings].sort(
    (one, other) => Number(one.severity === 'warning') - Number(other.severity === 'warning'),
  );
  const more = findings.length - MAX_SHOWN;
  const shown = formatFindings(ordered.slice(0, MAX_SHOWN), textOf);
  return more <= 0 ? shown : joinTexts([shown, printableLines([`and ${more} more: npx bridge rules check ${file}`])]);
}

function post(message: FromReloadThread): void {
  parentPort?.postMessage(message);
}

run(workerData as ReloadStart);
