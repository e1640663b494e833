import { providerCode } from '../action-error';
import type { ActionUse } from '../connector';
import { answered, HubSpotFailure, permanentFailure } from './failure';
import type { ObjectType } from './record';
import type { HubSpotSession } from './session';

/** Something that the token must be allowed to do. */
interface Permission {
  /** The scope that HubSpot's API description names for it. */
  scope: string;
  /** What it is needed for, in a few words. */
  purpose: string;
  /** One request that succeeds, or finds nothing, with the permission, and changes nothing in either case. */
  probe(session: HubSpotSession): Promise<void>;
}

/**
 * The permissions by name. HubSpot's API description names the contacts' scopes for calls and tasks too; each is asked
 * for on its own, for HubSpot refuses by address.
 */
export const PERMISSIONS = {
  readContacts: reading('contacts'),
  writeContacts: writing('contacts'),
  readCalls: reading('calls'),
  writeCalls: writing('calls'),
  readTasks: reading('tasks'),
  writeTasks: writing('tasks'),
  readOwners: {
    scope: 'crm.objects.owners.read',
    purpose: 'find the owner of a task by e-mail',
    probe: (session) => session.ownersReadable(),
  },
} as const satisfies Readonly<Record<string, Permission>>;

type PermissionName = keyof typeof PERMISSIONS;

function reading(type: ObjectType): Permission {
  return {
    scope: 'crm.objects.contacts.read',
    purpose: `read ${type}`,
    probe: (session) => session.readable(type),
  };
}

function writing(type: ObjectType): Permission {
  return {
    scope: 'crm.objects.contacts.write',
    purpose: `write ${type}`,
    probe: (session) => session.writable(type),
  };
}

/** The permissions that an action needs with an input as written, where a template may become any text. */
function neededBy({ action, input }: ActionUse): PermissionName[] {
  const contact: PermissionName[] =
    input['unknown_contact'] === 'create' ? ['readContacts', 'writeContacts'] : ['readContacts'];
  switch (action) {
    case 'hubspot.update_contact':
      return ['readContacts', 'writeContacts'];
    case 'hubspot.log_call':
      return [...contact, 'readCalls', 'writeCalls'];
    case 'hubspot.create_task':
      return [...contact, 'readTasks', 'writeTasks', ...ownerNeeds(input['owner'])];
    default:
      return contact;
  }
}

function ownerNeeds(owner: unknown): PermissionName[] {
  return owner === undefined || owner === 'contact_owner' ? [] : ['readOwners'];
}

/**
 * Asks HubSpot for every permission that the rules need, whatever they are; at least for reading contacts.
 *
 * @throws HubSpotFailure of class `permanent` that names each missing scope with the rules that need it; `credential` when
 *   the token itself is refused.
 */
export async function checkPermissions(session: HubSpotSession, needs: readonly ActionUse[]): Promise<void> {
  const rulesBy = new Map<PermissionName, Set<string>>([['readContacts', new Set()]]);
  for (const use of needs) {
    for (const name of neededBy(use)) {
      const rules = rulesBy.get(name) ?? new Set();
      rulesBy.set(name, rules);
      use.rules.forEach((rule) => rules.add(rule));
    }
  }
  const answers = await Promise.all(
    [...rulesBy].map(async ([name, rules]) => ({
      permission: PERMISSIONS[name],
      rules,
      refusal: await refusalOf(session, PERMISSIONS[name]),
    })),
  );
  const missing = answers.flatMap(({ permission, rules, refusal }) =>
    refusal === null ? [] : [{ ...permission, rules, scope: refusal.scopes.join(' or ') || permission.scope }],
  );
  if (missing.length > 0) {
    const listed = missing.map(({ scope, purpose, rules }) => `${scope}, to ${purpose}${forRules(rules)}`);
    throw permanentFailure(
      `HubSpot does not allow the token what the rules need: ${listed.join('; ')}.`,
      providerCode('MISSING_SCOPES'),
      `Give the token the missing ${listed.length === 1 ? 'scope' : 'scopes'} in HubSpot.`,
    );
  }
}

function forRules(rules: ReadonlySet<string>): string {
  return rules.size === 0 ? '' : ` (${rules.size === 1 ? 'rule' : 'rules'} ${[...rules].join(', ')})`;
}

/** HubSpot's refusal of a probe; null when it is allowed. A probe that is refused for its content was allowed. */
async function refusalOf(
  session: HubSpotSession,
  permission: Permission,
): Promise<{ scopes: readonly string[] } | null> {
  try {
    await permission.probe(session);
    return null;
  } catch (error) {
    if (answered(error, 403)) {
      return { scopes: error.answer.scopes };
    }
    if (error instanceof HubSpotFailure && error.errorClass === 'permanent') {
      return null;
    }
    throw error;
  }
}
