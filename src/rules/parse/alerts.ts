import { ALERT_KINDS, type AlertKind, type AlertRoute, type Heartbeat } from '../alert-route';
import { ALERT_TYPE } from '../language/alert-fields';
import { ALERT_KEYS, FAILING_KEYS, HEARTBEAT_KEYS, SILENCE_KEYS } from '../language/keys';
import { referencesIn } from '../language/secret-references';
import type { Window } from '../language/windows';
import type { ActionCatalogue } from '../rule';
import { quoted, type BlockReader, type Value } from './block-reader';
import { checkStepTexts } from './check-texts';
import { readName } from './entry-name';
import type { Names } from './field-test';
import { KnownFields } from './known-fields';
import type { Defaults } from './locale';
import { ComparedValues } from './operands';
import { StepReader, usesOf, type ReadStep } from './steps';
import { TemplateCosts } from './template-cost';
import { namesUsed } from '../language/names-used';
import { checkCarried, definedNames } from './defined-names';
import { Variables, type ResultShape } from './variables';

const KINDS = Object.keys(ALERT_KINDS) as AlertKind[];
const DEFAULT_QUIET_MS = 900_000;
const DEFAULT_FAILING_AFTER_MS = 300_000;
const MIN_FAILING_AFTER_MS = 10_000;
const MIN_HEARTBEAT_MS = 10_000;
const DEFAULT_HEARTBEAT_MS = 60_000;

/** Reads the `alerts` block of one file. Invalid entries have findings. */
export class AlertReader {
  readonly #costs = new TemplateCosts();

  constructor(
    private readonly reader: BlockReader,
    private readonly names: Names,
    private readonly defaults: Defaults,
    private readonly actions: ActionCatalogue,
  ) {}

  read(value: Value): AlertRoute[] {
    const items = this.reader.list(value, 'alerts', 'start each alert with a dash');
    return (items ?? []).map((item) => this.route(item)).filter((route) => route !== null);
  }

  private route(value: Value): AlertRoute | null {
    const { reader } = this;
    const block = reader.block(value, 'an alert', ALERT_KEYS);
    if (block === null) {
      return null;
    }
    const before = reader.findings.all.length;
    const nameValue = block.get('name');
    const name = nameValue === undefined ? null : readName(reader, nameValue, 'an alert');
    const on = block.get('on');
    const kinds = on === undefined ? [] : this.kinds(on);
    const quiet = block.get('quiet');
    const quietMs = quiet === undefined ? DEFAULT_QUIET_MS : reader.duration(quiet, 'quiet');
    const silenceValue = block.get('silence');
    const silence = silenceValue === undefined ? null : this.silence(silenceValue);
    if (kinds.includes('silence') !== (silenceValue !== undefined)) {
      const missing = silenceValue === undefined;
      reader.findings.error(
        (missing ? on : silenceValue)?.at ?? block.at,
        'silence',
        missing ? 'an alert on silence must say how long it lasts' : '`silence` has no effect without `on: silence`',
        { hint: missing ? 'silence: { after: 2h, during: office }' : 'on: [silence]' },
      );
    }
    const failingValue = block.get('failing');
    const failingAfterMs = failingValue === undefined ? DEFAULT_FAILING_AFTER_MS : this.failingAfter(failingValue);
    if (failingValue !== undefined && !kinds.includes('connection_failing')) {
      reader.findings.error(failingValue.at, 'failing', '`failing` has no effect without `on: connection_failing`', {
        hint: 'on: [connection_failing]',
      });
    }
    const does = block.get('do');
    const steps = does === undefined ? [] : new StepReader(reader, this.actions).read(does);
    this.checkSteps(steps);
    const used = namesUsed(usesOf(steps), definedNames(this.names, this.defaults.country));
    checkCarried(reader.findings, used ?? {}, does?.at ?? block.at);
    const hasErrors = reader.findings.all.slice(before).some((finding) => finding.severity === 'error');
    if (hasErrors || name === null || quietMs === null || failingAfterMs === null) {
      return null;
    }
    return {
      name,
      at: nameValue?.at ?? block.at,
      on: kinds,
      quiet_ms: quietMs,
      silence,
      failing_after_ms: failingAfterMs,
      steps: steps.map(({ planned }) => planned),
      ...(used === undefined ? {} : { names: used }),
      ...this.defaults,
    };
  }

  private kinds(value: Value): AlertKind[] {
    return this.reader
      .listOf(value)
      .map((item) => this.reader.oneOf(item, 'on', KINDS))
      .filter((kind) => kind !== null);
  }

  private silence(value: Value): AlertRoute['silence'] {
    const block = this.reader.block(value, 'silence', SILENCE_KEYS);
    const after = block?.get('after');
    const afterMs = after === undefined ? null : this.reader.duration(after, 'silence.after');
    const during = block?.get('during');
    const window = during === undefined ? null : this.window(during);
    return afterMs === null ? null : { after_ms: afterMs, window };
  }

  private failingAfter(value: Value): number | null {
    const after = this.reader.block(value, 'failing', FAILING_KEYS)?.get('after');
    const ms = after === undefined ? null : this.reader.duration(after, 'failing.after');
    if (after !== undefined && ms !== null && ms < MIN_FAILING_AFTER_MS) {
      this.reader.findings.error(after.at, 'failing', 'failing.after is shorter than 10s');
    }
    return ms;
  }

  private window(value: Value): Window | null {
    const name = this.reader.text(value, 'during');
    const window = name === null ? null : this.names.windows.get(name);
    if (name !== null && window === undefined) {
      this.reader.findings.error(value.at, 'unknown-window', `there is no window ${quoted(name)}`, {
        hint: `the windows are ${[...this.names.windows.keys()].join(', ') || 'none yet'}`,
      });
    }
    return window ?? null;
  }

  /** The steps see `alert.*`, and nothing of an event. */
  private checkSteps(steps: readonly ReadStep[]): void {
    const { reader } = this;
    const values = new ComparedValues(reader, this.defaults.country, this.defaults.timezone);
    const none = new Map<string, ResultShape>();
    for (const step of steps) {
      checkStepTexts(
        reader,
        step,
        new Variables([ALERT_TYPE], new KnownFields([], this.defaults.country), none, new Set(), this.names),
        values,
        this.#costs,
      );
      const { action, input } = step.planned;
      const problem = needsAnEvent(action, input);
      if (problem !== null) {
        reader.findings.error(step.at, 'alert-action', problem);
      }
    }
  }
}

/** Why an action cannot send an alert: an alert has no caller and no recording. Null when it can. */
function needsAnEvent(action: string, input: Readonly<Record<string, unknown>>): string | null {
  if (action.startsWith('hubspot.')) {
    return `${action} is about a caller, and an alert has none: use slack.post_message, email.send, http.request or voipbin.send_message`;
  }
  if (action === 'voipbin.send_message' && (input['to'] === undefined || input['from'] === undefined)) {
    return 'an alert has no caller: say to whom the text goes, and from which of your numbers (to, from)';
  }
  return action === 'email.send' && input['recording'] !== undefined ? 'an alert has no recording' : null;
}

/** Reads `heartbeat`. */
export function readHeartbeat(reader: BlockReader, value: Value): Heartbeat | null {
  const block = reader.block(value, 'heartbeat', HEARTBEAT_KEYS);
  const urlValue = block?.get('url');
  const url = urlValue === undefined ? null : reader.text(urlValue, 'heartbeat.url');
  const everyValue = block?.get('every');
  const everyMs = everyValue === undefined ? DEFAULT_HEARTBEAT_MS : reader.duration(everyValue, 'heartbeat.every');
  if (url !== null && urlValue !== undefined && referencesIn(url).length === 0 && !/^https?:\/\//.test(url)) {
    reader.findings.error(urlValue.at, 'heartbeat', `${quoted(url)} is not an address`, {
      hint: 'such as https://hc.example.com/ping/1234, or ${env:HEARTBEAT_URL}',
    });
  }
  if (everyMs !== null && everyMs < MIN_HEARTBEAT_MS && everyValue !== undefined) {
    reader.findings.error(everyValue.at, 'heartbeat', 'heartbeat.every is shorter than 10s');
  }
  return url === null || everyMs === null ? null : { url, every_ms: everyMs };
}
