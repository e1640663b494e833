import type { z } from 'zod';
import type { CanonicalEvent } from '../events/canonical-event';
import type { JsonObject, JsonValue } from '../events/json';
import { toE164 } from '../events/phone';
import type { HostList } from '../net/host-list';
import type { PlainTextHost } from '../settings/declared-connector';
import type { ActionContext, ActionOutcome } from './action-context';
import { ActionError } from './action-error';
import type { ActionLog } from './action-log';
import { acceptsAt } from './action-schema';
import type { TakenItem } from './mailbox';
import type { Proof } from './proof';

/**
 * How safe an action is to do again under one action key.
 * - `repeatable`: doing it twice has the effect of doing it once.
 * - `verifiable`: it can be looked up whether it happened, before a second try.
 * - `once`: neither.
 */
export type Effect = 'repeatable' | 'verifiable' | 'once';

/**
 * Where a rendered text ends up, which decides how values that a template inserts are escaped. `json`: the connector
 * sends the input as JSON, so a template alone in a text keeps the type of its value there.
 */
export type Sink = 'plain' | 'html' | 'slack' | 'json' | 'url' | 'header';

/** What is known besides the value of an input. */
interface InputScope {
  country: string | null;
  /** Null when the value stands in the rule as it is, for every event. */
  event: CanonicalEvent | null;
}

/** Reads an input, and throws an ActionError when it would be refused. */
type InputCheck<Input, Value> = (value: Value, scope: InputScope & { input: Input }) => unknown;

/** Why an action refuses one of its inputs. */
export interface InputProblem {
  input: string;
  message: string;
  remedy: string | null;
}

/** For which events an input does something. */
export interface OnlyFor {
  /** Their types, by live name. */
  types: RegExp;
  /** The values of the input that do; every value when absent. */
  values?: readonly JsonValue[];
  /** What all other events lack, after their names: `has no recording`. */
  why: string;
}

/** An action as its connector defines it. */
export interface ActionDefinition<Client, Input, Output extends JsonObject> {
  /** One sentence for ops: what it does. Shown by editors and in the docs. */
  summary: string;
  /** What one of its effects is called where effects are counted, in the singular: `text`, `CRM write`. Default: `effect`. */
  unit?: string;
  /**
   * The inputs, an object schema. It judges both the input as written in a rule file (texts still templates) and the
   * rendered one, so it must not constrain the content of texts beyond "string"; check rendered content in `run` and
   * throw a `permanent` ActionError. `.describe()` every field: editors and docs show it.
   */
  input: z.ZodType<Input>;
  /** Where each top-level input's text ends up; `plain` for those not named. */
  sinks?: Partial<Record<Extract<keyof Input, string>, Sink>>;
  /**
   * Inputs that name a moment. The rules resolve `next office 09:00` (a window) and a date and time without a zone: the
   * action sees a time in UTC (ISO 8601) instead.
   */
  moments?: readonly Extract<keyof Input, string>[];
  /** Inputs that are a phone number in any format, read with the rule's country. */
  numbers?: readonly Extract<keyof Input, string>[];
  /**
   * The action's own readers of its inputs: they throw an ActionError for a value that `run` or the provider would refuse.
   * `rules check` uses them on what is written without templates, `rules test` on what is rendered.
   */
  checks?: {
    readonly [Name in Extract<keyof NoInfer<Input>, string>]?: InputCheck<NoInfer<Input>, NoInfer<Input>[Name]>;
  };
  /**
   * Inputs that use something which only events of some types have. `rules check` refuses one that no event of its rule
   * can have.
   */
  onlyFor?: { readonly [Name in Extract<keyof NoInfer<Input>, string>]?: OnlyFor };
  /** Inputs that take the place of a field of the event: without one, events must be able to have its field. */
  insteadOf?: { readonly [Name in Extract<keyof NoInfer<Input>, string>]?: string };
  /** What later steps may use, `.describe()`d; template variables under `steps.<id>` are checked against it. */
  output: z.ZodType<Output>;
  /** The effect; by the input as written where it depends on it (`http.request` on its method). */
  effect: Effect | { of(input: Input): Effect };
  /**
   * Fields and groups of fields of the event that it reads besides its input: `peer`, `answered`. When they are unknown,
   * and VoIPBIN may know them, they are looked up before the rule runs. By the input as written where they depend on it.
   */
  reads?: readonly string[] | { of(input: NoInfer<Input>): readonly string[] };
  /** Other connections that an input as written makes it use (`email.send` with a recording: `voipbin`). */
  alsoUses?: { of(input: Input): readonly string[] };
  /** Default retry budget, as a duration (`24h`). */
  budget: string;
  /**
   * Whether the budget counts from the event's arrival, for what comes too late to be of use however late its step
   * began; else from the step's beginning.
   */
  budgetFrom?: 'event';
  /** How long one attempt may take, as a duration (`30s`). */
  attemptTimeout: string;
  /**
   * Which failures that may pass are not retried with this input as written, as a clause, and what changes that; null
   * when all of them are. `rules check` says so of a step with a longer `retry`.
   */
  notRetried?(input: NoInfer<Input>): NotRetried | null;
  /**
   * What events of a type (its live name) must say so that the action can act on them: fields, each with the only values
   * that it acts on. Null when it does nothing for any event of the type. By the input as written. Everything, when absent.
   */
  actsOn?(type: string, input: NoInfer<Input>): Readonly<Record<string, readonly string[]>> | null;
  /**
   * Says why the action would do nothing for an event, as far as the event and the rendered input alone tell; null when
   * it would act. For `rules explain` and `rules test`; `run` decides by itself. May throw an ActionError, as `run` would.
   */
  foresee?(event: CanonicalEvent, input: Input, country: string | null): string | null;
  /**
   * Does it. Throws only {@link ActionError}; anything else is treated as a bug of ours and reported as `permanent`
   * with code `bug`.
   */
  run(context: ActionContext<Client>, input: Input): Promise<ActionOutcome<Output>>;
}

/** See {@link ActionDefinition.notRetried}. */
export interface NotRetried {
  message: string;
  hint: string;
}

/** An action whose input type only it knows: what the registry, the rules and the worker deal with. */
export interface Action<Client = unknown> {
  readonly summary: string;
  /** `text`, `mail`, `CRM write`: see {@link ActionDefinition.unit}. */
  readonly unit: string;
  readonly input: z.ZodType<unknown>;
  readonly output: z.ZodType<JsonObject>;
  readonly budget: string;
  readonly budgetFrom: 'event' | 'step';
  readonly attemptTimeout: string;
  sinkOf(inputName: string): Sink;
  /** Whether the text of an input names a moment. See {@link ActionDefinition.moments}. */
  isMoment(inputName: string): boolean;
  /** Whether an input is a phone number. See {@link ActionDefinition.numbers}. */
  isNumber(inputName: string): boolean;
  /** The phone numbers of a rendered input in E.164, by input; without those that are in it already, or cannot be read. */
  numbersRead(input: JsonObject, country: string | null): Readonly<Record<string, string>>;
  /**
   * Why some of the inputs would be refused, for good.
   * @param input valid by the schema; for one that is not, nothing is known.
   * @param names of the inputs that are judged; the others may still be templates.
   */
  problemsOf(input: JsonObject, names: readonly string[], scope: InputScope): InputProblem[];
  /** See {@link ActionDefinition.onlyFor}. */
  onlyFor(inputName: string): OnlyFor | undefined;
  /** The fields that inputs take the place of, by input. See {@link ActionDefinition.insteadOf}. */
  readonly insteadOf: Readonly<Record<string, string>>;
  /** Whether the input may hold a value of this type at a path, such as `['body', 'deal', '0']`. */
  accepts(path: readonly string[], value: JsonValue): boolean;
  /** @param input the input as written in the rule file, already found valid. */
  effectOf(input: unknown): Effect;
  /** See {@link ActionDefinition.notRetried}. @param input as for `effectOf`. */
  notRetried(input: unknown): NotRetried | null;
  /** See {@link ActionDefinition.reads}. @param input as for `effectOf`. */
  readsOf(input: unknown): readonly string[];
  /** See {@link ActionDefinition.actsOn}. @param input as for `effectOf`. */
  actsOn(type: string, input: unknown): Readonly<Record<string, readonly string[]>> | null;
  /** Names of the other connections that this input makes it use. @param input as for `effectOf`. */
  alsoUsedBy(input: unknown): readonly string[];
  /** See {@link ActionDefinition.foresee}; null also for an input that does not fit, and when that cannot be told. */
  foresee(event: CanonicalEvent, input: unknown, country: string | null): string | null;
  /** Checks the rendered input against the schema (`permanent` ActionError when it does not fit), then runs. */
  run(context: ActionContext<Client>, input: unknown): Promise<ActionOutcome<JsonObject>>;
}

/** One way in which live rules use an action. */
export interface ActionUse {
  /** The action's full name: `hubspot.create_task`. May be another connector's that also uses this connection. */
  readonly action: string;
  /** The input as written in the rule file: texts are still templates. */
  readonly input: JsonObject;
  /** Names of the rules that use it so, each once. */
  readonly rules: readonly string[];
}

/** What a provider does not have, or would refuse, of what rules write. */
export interface UseProblem {
  readonly use: ActionUse;
  /** Where in the input: `['properties', 'lead_score']`. */
  readonly path: readonly string[];
  readonly message: string;
  readonly hint: string;
}

/** A running stand-in: it speaks the provider's own protocol on loopback and keeps state in memory. */
export interface RunningStandIn {
  /** Settings as in bridge.yaml that point the connection at it. */
  settings: JsonObject;
  /** What it took since it started, as far as it keeps it. Absent where nothing can be looked at. */
  taken?(): TakenItem[];
  stop(): Promise<void>;
}

/** How a connector reaches its provider. */
export interface ConnectionDefinition<Settings, Client> {
  /**
   * `connections.<name>` in bridge.yaml: an object schema, snake_case keys, every field described, defaults where there
   * are any; secrets by `secret()`.
   */
  settings: z.ZodType<Settings>;
  /**
   * Environment variable per setting key, e.g. `{ access_token: 'HUBSPOT_ACCESS_TOKEN' }`. The file wins over the
   * environment.
   */
  environment: Readonly<Record<string, string>>;
  /**
   * The setting keys without which the connection cannot work; when any is missing the stand-in is used. Empty: it
   * needs none.
   */
  credentials: readonly string[];
  /**
   * Returns the host to which these settings would send the credential without TLS, and the key of the setting that says
   * so; null when TLS is demanded. Production refuses such a host unless it is this machine or in `BRIDGE_HTTP_ALLOW`.
   */
  plainTextHost?(settings: Settings): PlainTextHost | null;
  /** Returns the private hosts that these settings allow requests to. */
  allowedHosts?(settings: Settings): HostList;
  /**
   * Makes the client. No network. It imports the provider's SDK only now: commands that call no provider start faster
   * without it.
   */
  open(settings: Settings): Client | Promise<Client>;
  close?(client: Client): Promise<void>;
  /**
   * What the provider can refuse while it accepts the rest, by short fixed names without `/`: `owners`. An ActionError of
   * class `credential` may name one of them.
   */
  parts?: readonly string[];
  /**
   * Sets up what the provider needs once. Called when a worker starts, so that the first event does not wait for it.
   * Throws ActionError; the first action then sees to it itself.
   */
  prepare?(client: Client, signal: AbortSignal, log: ActionLog): Promise<void>;
  /**
   * Proves with harmless requests that the credential works, and that it permits what the rules in force need; the answer
   * says in a few words what is connected.
   *
   * @param needs how the live rules use this connection; empty when it is not known.
   * @throws ActionError; one that names every missing permission, with the rules that need it.
   */
  check?(client: Client, signal: AbortSignal, needs: readonly ActionUse[]): Promise<string>;
  /**
   * Compares what rules write with what the account has, with requests that only read.
   * @param isTemplate whether a text depends on the event, so that it is not known yet.
   * @throws ActionError when the provider does not answer or does not tell.
   */
  judge?(
    client: Client,
    signal: AbortSignal,
    uses: readonly ActionUse[],
    isTemplate: (text: string) => boolean,
  ): Promise<UseProblem[]>;
  /** Questions that only a live account answers; `bridge connections prove` asks them of a test account. */
  prove?: readonly Proof<Client>[];
  /** Starts the stand-in. A `port` of 0 or absent takes a free one. */
  standIn?(options?: { port?: number }): Promise<RunningStandIn>;
}

/** A connector: one folder, one registration in `registry.ts`. */
export interface Connector<Settings = unknown, Client = unknown> {
  readonly name: string;
  /** One sentence for ops. */
  readonly summary: string;
  readonly connection: ConnectionDefinition<Settings, Client>;
  /** By short name: `log_call`. */
  readonly actions: Readonly<Record<string, Action<Client>>>;
  /** Actions that the bridge runs by itself, by short name. Rule files cannot use them. */
  readonly internalActions?: Readonly<Record<string, Action<Client>>>;
}

/** Makes an {@link Action} of a definition; curried so that the client's type is given and the input's inferred. */
export function defineAction<Client>() {
  return <Input, Output extends JsonObject>(definition: ActionDefinition<Client, Input, Output>): Action<Client> => {
    const sinks: Partial<Record<string, Sink>> = definition.sinks ?? {};
    const onlyFor: Partial<Record<string, OnlyFor>> = definition.onlyFor ?? {};
    const { effect, reads = [] } = definition;
    const numbers: readonly string[] = definition.numbers ?? [];
    return {
      summary: definition.summary,
      unit: definition.unit ?? 'effect',
      input: definition.input,
      output: definition.output,
      budget: definition.budget,
      budgetFrom: definition.budgetFrom ?? 'step',
      attemptTimeout: definition.attemptTimeout,
      sinkOf: (inputName) => sinks[inputName] ?? 'plain',
      onlyFor: (inputName) => onlyFor[inputName],
      insteadOf: { ...definition.insteadOf },
      isMoment: (inputName) => definition.moments?.some((name) => name === inputName) ?? false,
      isNumber: (inputName) => numbers.some((name) => name === inputName),
      numbersRead: (input, country) =>
        Object.fromEntries(
          numbers.flatMap((name): [string, string][] => {
            const written = input[name];
            const read = typeof written === 'string' ? toE164(written.trim(), country) : null;
            return read === null || read === written ? [] : [[name, read]];
          }),
        ),
      problemsOf: (input, names, scope) => {
        const parsed = definition.input.safeParse(input);
        return parsed.success ? problemsIn(definition, parsed.data, names, scope) : [];
      },
      accepts: (path, value) => acceptsAt(definition.input, path, value),
      effectOf: (input) => (typeof effect === 'string' ? effect : effect.of(definition.input.parse(input))),
      notRetried: (input) => definition.notRetried?.(definition.input.parse(input)) ?? null,
      readsOf: (input) => ('of' in reads ? reads.of(definition.input.parse(input)) : reads),
      actsOn: (type, input) => {
        const parsed = definition.input.safeParse(input);
        return parsed.success && definition.actsOn !== undefined ? definition.actsOn(type, parsed.data) : {};
      },
      alsoUsedBy: (input) => definition.alsoUses?.of(definition.input.parse(input)) ?? [],
      foresee: (event, input, country) => {
        const parsed = definition.input.safeParse(input);
        try {
          return parsed.success ? (definition.foresee?.(event, parsed.data, country) ?? null) : null;
        } catch (error) {
          if (error instanceof ActionError) {
            return null;
          }
          throw error;
        }
      },
      run: async (context, input) => {
        const parsed = definition.input.safeParse(input);
        if (!parsed.success) {
          const where = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
          throw new ActionError('permanent', `the rendered input does not fit the action: ${where}`, {
            connection: 'rules',
            code: 'invalid_input',
            remedy: 'Look at the templates of these inputs in the rule file.',
          });
        }
        return definition.run(context, parsed.data);
      },
    };
  };
}

function problemsIn<Client, Input, Output extends JsonObject>(
  { checks }: ActionDefinition<Client, Input, Output>,
  input: Input,
  names: readonly string[],
  scope: InputScope,
): InputProblem[] {
  const problems: InputProblem[] = [];
  const judge = <Name extends Extract<keyof Input, string>>(name: Name): void => {
    try {
      checks?.[name]?.(input[name], { ...scope, input });
    } catch (error) {
      if (!(error instanceof ActionError)) {
        throw error;
      }
      problems.push({ input: name, message: error.message, remedy: error.detail.remedy ?? null });
    }
  };
  for (const name in input) {
    if (names.includes(name)) {
      judge(name);
    }
  }
  return problems;
}

/** Types a connector: its actions all take this connector's client. */
export function defineConnector<Settings, Client>(connector: Connector<Settings, Client>): Connector<Settings, Client> {
  return connector;
}
