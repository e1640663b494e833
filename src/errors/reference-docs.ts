import type { ErrorDescription } from './error-description';
import { START_ERRORS } from './start-errors';
import { ERROR_CLASS_DESCRIPTIONS, STEP_ERRORS } from './step-errors';
import { WEBHOOK_ERRORS } from './webhook-errors';

/**
 * docs/errors.md, made of the tables that the program itself uses.
 * @param findings codes of findings in rules and settings.
 */
export function errorReference(findings: Readonly<Record<string, ErrorDescription>>): string {
  return `# Errors

Every coded error of the bridge: what it means and what to do. Made by \`bridge docs errors\`; do not edit.

## Answers of the webhook

The key \`error\` of the JSON answer, and the label \`reason\` of \`bridge_requests_refused_total\`. VoIPBIN sends an
event again only after 5xx or no answer.

${table(['error', 'status'], WEBHOOK_ERRORS, ({ status }) => (status === null ? '4xx' : String(status)))}

## Starting the bridge, and commands

${table(['code'], START_ERRORS)}

## Findings in rules and settings

The key \`code\` of \`bridge rules check --json\`.

${table(['code'], findings)}

## Failed steps

The class decides what happens next.

${table(['class'], ERROR_CLASS_DESCRIPTIONS)}

The code says why. Besides the bridge's own codes below, it is the provider's own word (\`channel_not_found\`,
\`PROPERTY_DOESNT_EXIST\`) or a status (\`http_<status>\`, \`smtp_<status>\`, \`smtp_<status>_<enhanced status>\`, \`storage_http_<status>\`).

${table(['code', 'class'], STEP_ERRORS, (error) => error.class)}
`;
}

function table<Entry extends ErrorDescription>(
  columns: readonly string[],
  entries: Readonly<Record<string, Entry>>,
  second?: (entry: Entry) => string,
): string {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const header = [...columns, 'what it means', 'what to do'];
  return [
    row(header),
    row(header.map(() => '---')),
    ...Object.entries(entries).map(([code, entry]) =>
      row([`\`${code}\``, ...(second === undefined ? [] : [second(entry)]), entry.meaning, entry.remedy]),
    ),
  ].join('\n');
}
