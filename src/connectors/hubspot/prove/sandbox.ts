import type { ProofTools } from '../../proof';
import type { HubSpotClient } from '../client';
import { HubSpotFailure } from '../failure';
import { equal, type HubSpotRecord, type ObjectType } from '../record';
import { HubSpotSession } from '../session';

/** What an account answered: the result, or HubSpot's refusal in a few words. */
export type Outcome<Result> = { result: Result; refusal: null } | { result: null; refusal: Refusal };

/** A refusal, in HubSpot's own codes; no values. */
export interface Refusal {
  /** `409 CONFLICT, naming the record`. */
  text: string;
  failure: HubSpotFailure;
}

/** The property that holds the mark, by which a record of the sandbox is known to people and found again. */
const NAMED_BY: Readonly<Record<ObjectType, string>> = {
  contacts: 'firstname',
  calls: 'hs_call_title',
  tasks: 'hs_task_subject',
};

/** The records and properties that one proof makes. All of them are removed again. */
export class Sandbox {
  readonly session: HubSpotSession;

  constructor(
    private readonly client: HubSpotClient,
    private readonly tools: ProofTools,
  ) {
    this.session = new HubSpotSession(client, tools.signal, tools.log);
  }

  /**
   * Says that records of a type will be made. Removes those whose ids are known, and those that HubSpot's search finds: the
   * answer to a creation may be lost.
   */
  records(type: ObjectType): RecordsOfProof {
    const ids = new Set<string>();
    const { mark, log } = this.tools;
    this.tools.cleanup(`the ${type} named ${mark}`, async (signal) => {
      const session = new HubSpotSession(this.client, signal, log);
      const found = await session.search(type, [[equal(NAMED_BY[type], mark)]], []);
      for (const id of new Set([...ids, ...found.map((hit) => hit.id)])) {
        await session.remove(type, id);
      }
    });
    const required: Record<string, string> = type === 'contacts' ? {} : { hs_timestamp: new Date().toISOString() };
    return {
      create: async (properties) => {
        const made = await outcomeOf(() =>
          this.session.create(type, { [NAMED_BY[type]]: mark, ...required, ...properties }),
        );
        if (made.result !== null) {
          ids.add(made.result.id);
        }
        return made;
      },
      remember: (id) => void ids.add(id),
    };
  }

  /** Says that the property named by the mark will be made on a type. */
  property(type: ObjectType): void {
    const { mark, log } = this.tools;
    this.tools.cleanup(`the property ${mark} of ${type}`, (signal) =>
      new HubSpotSession(this.client, signal, log).removeProperty(type, mark),
    );
  }
}

/** Makes records of one type, named by the proof's mark. */
export interface RecordsOfProof {
  create(properties: Readonly<Record<string, string>>): Promise<Outcome<HubSpotRecord>>;
  /** Has a record removed that was made in another way. */
  remember(id: string): void;
}

/** What HubSpot answers to a request. @throws what is no answer about the request: trouble on the way, a refused token. */
export async function outcomeOf<Result>(ask: () => Promise<Result>): Promise<Outcome<Result>> {
  try {
    return { result: await ask(), refusal: null };
  } catch (error) {
    if (error instanceof HubSpotFailure && error.errorClass !== 'transient' && error.answer.status !== 401) {
      return { result: null, refusal: { text: describe(error), failure: error } };
    }
    throw error;
  }
}

function describe({ answer }: HubSpotFailure): string {
  const { status, codes, scopes, properties, existingId } = answer;
  return [
    `${status} ${codes.length === 0 ? 'without a code' : codes.join(' ')}`,
    ...(scopes.length === 0 ? [] : [`asking for ${scopes.join(' or ')}`]),
    ...(properties.length === 0
      ? []
      : [`about ${properties.filter((name) => !name.startsWith('bridgeproof')).join(', ') || 'the property'}`]),
    ...(existingId === null ? [] : ['naming the record']),
  ].join(', ');
}
