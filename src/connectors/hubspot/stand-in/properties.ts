import type { ObjectType } from '../record';
import { readPhone } from '../../../events/phone';

/** A property of the stand-in's account, as its properties API gives it. */
export interface StandInProperty {
  name: string;
  label: string;
  description: string;
  groupName: string;
  type: string;
  fieldType: string;
  hasUniqueValue: boolean;
  hubspotDefined: boolean;
  /** Derived by HubSpot; cannot be written. */
  calculated: boolean;
  options: { label: string; value: string; displayOrder: number; hidden: boolean }[];
}

/** The property groups of an account as it comes, as far as the stand-in needs them. */
export const GROUPS: Readonly<Record<ObjectType, readonly string[]>> = {
  contacts: ['contactinformation', 'analyticsinformation'],
  calls: ['call', 'engagement'],
  tasks: ['task', 'engagement'],
};

/**
 * `name type [options]` a line; a leading `=` marks what HubSpot derives, `!` what it keeps unique, `+` a custom
 * property.
 */
const DEFINITIONS: Readonly<Record<ObjectType, string>> = {
  contacts: `
    !email string
    firstname string
    lastname string
    phone string
    mobilephone string
    company string
    jobtitle string
    city string
    country string
    hubspot_owner_id enumeration
    lifecyclestage enumeration subscriber,lead,marketingqualifiedlead,salesqualifiedlead,opportunity,customer,evangelist,other
    hs_lead_status enumeration NEW,OPEN,IN_PROGRESS,OPEN_DEAL,UNQUALIFIED,ATTEMPTED_TO_CONTACT,CONNECTED,BAD_TIMING
    date_of_birth string
    closedate datetime
    notes_last_contacted datetime
    =createdate datetime
    =lastmodifieddate datetime
    =hs_object_id number
    =hs_searchable_calculated_phone_number string
    =hs_searchable_calculated_mobile_number string
    =hs_searchable_calculated_international_phone_number string
    =hs_searchable_calculated_international_mobile_number string
    +last_call_date datetime
    +last_hangup_reason string
    +next_review date
    +call_count number
    +wants_callback bool`,
  calls: `
    hs_timestamp datetime
    hs_call_title string
    hs_call_body string
    hs_call_direction enumeration INBOUND,OUTBOUND
    hs_call_duration number
    hs_call_from_number string
    hs_call_to_number string
    hs_call_status enumeration BUSY,CALLING_CRM_USER,CANCELED,COMPLETED,CONNECTING,FAILED,IN_PROGRESS,NO_ANSWER,QUEUED,RINGING
    hs_call_disposition enumeration 9d9162e7-6cf3-4944-bf63-4dff82258764,f240bbac-87c9-4f6e-bf70-924b57d47db7,a4c4c377-d246-4b32-a13b-75a56a4cd0ff,b2cf5968-551e-4856-9783-52b3da59a7d0,73a0d17f-1163-4015-bdd5-ec830791da20,17b47fee-58de-441e-a44c-c6300d46f273
    hs_call_external_id string
    hs_call_has_voicemail bool
    hs_call_recording_url string
    hs_call_source string
    hubspot_owner_id enumeration
    =hs_createdate datetime
    =hs_lastmodifieddate datetime
    =hs_object_id number`,
  tasks: `
    hs_timestamp datetime
    hs_task_subject string
    hs_task_body string
    hs_task_status enumeration NOT_STARTED,IN_PROGRESS,WAITING,COMPLETED,DEFERRED
    hs_task_priority enumeration NONE,LOW,MEDIUM,HIGH
    hs_task_type enumeration TODO,CALL,EMAIL,LINKED_IN_CONNECT
    hs_task_reminders string
    hubspot_owner_id enumeration
    =hs_createdate datetime
    =hs_lastmodifieddate datetime
    =hs_object_id number`,
};

const FIELD_TYPES: Readonly<Record<string, string>> = {
  date: 'date',
  datetime: 'date',
  number: 'number',
  bool: 'booleancheckbox',
  enumeration: 'select',
};

/** An account's properties of one object type, as it comes. */
export function defaultProperties(type: ObjectType): Map<string, StandInProperty> {
  const properties = DEFINITIONS[type]
    .trim()
    .split('\n')
    .map((line): StandInProperty => {
      const [marked = '', valueType = 'string', options = ''] = line.trim().split(' ');
      const name = marked.replace(/^[=!+]/, '');
      return {
        name,
        label: name,
        description: '',
        groupName: GROUPS[type][0] ?? '',
        type: valueType,
        fieldType: FIELD_TYPES[valueType] ?? 'text',
        hasUniqueValue: marked.startsWith('!'),
        hubspotDefined: !marked.startsWith('+'),
        calculated: marked.startsWith('='),
        options:
          options === ''
            ? []
            : options.split(',').map((value, displayOrder) => ({ label: value, value, displayOrder, hidden: false })),
      };
    });
  return new Map(properties.map((property) => [property.name, property]));
}

/** Why a value is refused, in HubSpot's words and code. */
export interface ValueFault {
  name: string;
  error: string;
  message: string;
}

/**
 * What HubSpot would keep of a written value, or why it refuses it. Times are kept as ISO, days as `YYYY-MM-DD`; an
 * empty text is kept as such.
 */
export function keptValue(
  property: StandInProperty | undefined,
  name: string,
  value: unknown,
): { kept: string } | { fault: ValueFault } {
  const fault = (error: string, message: string): { fault: ValueFault } => ({ fault: { name, error, message } });
  if (property === undefined) {
    return fault('PROPERTY_DOESNT_EXIST', `Property "${name}" does not exist`);
  }
  if (property.calculated) {
    return fault('READ_ONLY_VALUE', `"${name}" is a read only property; its value cannot be set.`);
  }
  if (typeof value !== 'string') {
    return fault('INVALID_TYPE', `${String(value)} was not a string`);
  }
  if (value === '') {
    return { kept: value };
  }
  if (property.type === 'datetime' || property.type === 'date') {
    const time = /^\d+$/.test(value) ? Number(value) : Date.parse(value);
    if (Number.isNaN(time)) {
      return fault('INVALID_DATE', `${value} was not a valid date.`);
    }
    if (property.type === 'date' && time % 86_400_000 !== 0) {
      return fault('INVALID_DATE', `${value} is at ${new Date(time).toISOString()}, not midnight UTC`);
    }
    const iso = new Date(time).toISOString();
    return { kept: property.type === 'date' ? iso.slice(0, 10) : iso };
  }
  if (property.type === 'number' && !Number.isFinite(Number(value))) {
    return fault('INVALID_LONG', `${value} was not a valid number.`);
  }
  if (
    property.type === 'enumeration' &&
    property.options.length > 0 &&
    !property.options.some((option) => option.value === value)
  ) {
    return fault(
      'INVALID_OPTION',
      `${value} was not one of the allowed options: [${property.options.map((option) => option.value).join(', ')}]`,
    );
  }
  return { kept: value };
}

/** Whether HubSpot's phone validation takes it: a number of a plan, not only one of the right length. */
export function isValidPhone(text: string): boolean {
  return text === '' || readPhone(text, null)?.isValid() === true;
}

/**
 * The digits that HubSpot makes searchable of a stored number: without country code, whatever its format. What it
 * cannot read in the account's country it keeps as digits without leading zeros (the latter is a guess; the docs say
 * only "area code and local number").
 */
export function searchableDigits(
  stored: string | undefined,
  { country, searchableZeros }: { country: string; searchableZeros: 'dropped' | 'kept' },
): { national: string; international: string } {
  if (stored === undefined || stored === '') {
    return { national: '', international: '' };
  }
  const phone = readPhone(stored, country);
  if (phone !== null) {
    const national: string = phone.nationalNumber;
    return {
      national: searchableZeros === 'kept' ? national : national.replace(/^0+/, ''),
      international: phone.number.slice(1),
    };
  }
  const digits = (stored.split(/[a-z;#,]/i)[0] ?? '').replace(/\D/g, '').replace(/^0+/, '');
  return { national: digits, international: '' };
}
