import { nowMs, until } from '../../bench/clock';
import type { HonestSender } from './sender';
import type { Subject } from './traffic';
import type { Effect, Witness } from './witness';

/** Which actions the rules do for a call and for a message. */
export type Expected = Readonly<Record<Subject['kind'], readonly Effect['action'][]>>;

/** What an audit is made of. */
export interface AuditOptions {
  sender: HonestSender;
  witness: Pick<Witness, 'effects'>;
  expected: Expected;
  /** Subjects whose mail may have come twice, under one Message-ID, because a server's answer was lost. */
  mailTwice?: ReadonlySet<string>;
  /** Subjects whose events could not be read any more from a torn store: they count as not acknowledged. */
  lost?: ReadonlySet<string>;
}

const LOOK_EVERY_MS = 250;

/**
 * Compares every event that was sent with what the providers did: each action exactly once for an acknowledged event,
 * at most once for any other, and nothing else.
 * @returns one sentence per finding; none when all is well.
 */
export function audit(options: AuditOptions): string[] {
  const { sender, witness, expected } = options;
  const effects = witness.effects();
  const done = new Map<string, Effect[]>();
  for (const effect of effects) {
    const key = `${effect.action} ${String(effect.subject)}`;
    done.set(key, [...(done.get(key) ?? []), effect]);
  }
  const findings: string[] = sender.wrongAnswers();
  for (const { subject, acknowledged } of subjectsOf(options)) {
    for (const action of expected[subject.kind]) {
      const found = done.get(`${action} ${subject.id}`) ?? [];
      done.delete(`${action} ${subject.id}`);
      const finding = judge(
        found,
        acknowledged,
        action === 'email.send' && options.mailTwice?.has(subject.id) === true,
      );
      if (finding !== null) {
        findings.push(
          `${subject.kind} ${subject.id} (${acknowledged ? 'acknowledged' : 'not acknowledged'}), ${action}: ${finding}`,
        );
      }
    }
  }
  for (const [key, found] of done) {
    findings.push(
      `${key}: done ${found.length} times (${found.map(({ under }) => under).join(', ')}), and no event asked for it`,
    );
  }
  return findings;
}

function judge(found: readonly Effect[], acknowledged: boolean, mayBeTwice: boolean): string | null {
  if (found.length === 0) {
    return acknowledged ? 'not done' : null;
  }
  const under = found.map((effect) => effect.under);
  const isOne = found.length === 1 || (mayBeTwice && found.length === 2 && new Set(under).size === 1);
  return isOne ? null : `done ${found.length} times (${under.join(', ')})`;
}

function subjectsOf({ sender, lost }: AuditOptions): { subject: Subject; acknowledged: boolean }[] {
  return [...sender.subjects().values()].map(({ subject, acknowledged }) => ({
    subject,
    acknowledged: acknowledged && lost?.has(subject.id) !== true,
  }));
}

/** How many things that were acknowledged are not done yet. */
export function missing(options: AuditOptions): number {
  const { witness, expected } = options;
  const done = new Set(witness.effects().map(({ action, subject }) => `${action} ${String(subject)}`));
  let count = 0;
  for (const { subject, acknowledged } of subjectsOf(options)) {
    count += acknowledged ? expected[subject.kind].filter((action) => !done.has(`${action} ${subject.id}`)).length : 0;
  }
  return count;
}

/**
 * Waits until everything that was acknowledged is done and no run is under way any more, at most `withinMs`, then
 * audits: what is not done by then is a finding, too.
 * @param openRuns asks Temporal how many runs are open; may throw while it is away.
 */
export async function settleAndAudit(
  options: AuditOptions,
  openRuns: () => Promise<number>,
  withinMs: number,
): Promise<string[]> {
  const deadline = nowMs() + withinMs;
  let left = missing(options);
  let open: number | null = null;
  while (nowMs() < deadline && (left > 0 || open !== 0)) {
    await until(nowMs() + LOOK_EVERY_MS);
    left = missing(options);
    open = left > 0 ? null : await openRuns().catch(() => null);
  }
  return [...audit(options), ...(left === 0 && open !== 0 ? [`runs still open: ${String(open)}`] : [])];
}
