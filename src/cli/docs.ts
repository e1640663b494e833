import type { Command } from 'commander';
import { FINDING_CODES } from '../errors/finding-codes';
import { describeActions } from '../connectors/reference-docs';
import { connectors } from '../connectors/registry';
import { errorReference } from '../errors/reference-docs';
import { describeFields } from '../rules/tools/field-reference';
import { describeRuleLanguage } from '../rules/tools/reference-docs';
import { readSamples } from '../samples/samples';
import { printOutput } from '../text/print';

/** `bridge docs`: documentation generated from the program's own definitions. */
export function defineDocs(docs: Command): void {
  docs
    .command('actions')
    .description('print connections and actions, with every setting and input (docs/actions.md)')
    .action(() => {
      printOutput(describeActions(connectors).trimEnd());
    });
  docs
    .command('errors')
    .description('print every coded error: what it means and what to do (docs/errors.md)')
    .action(() => {
      printOutput(errorReference(FINDING_CODES).trimEnd());
    });
  docs
    .command('rules')
    .description('print the rule language: fields, operators, filters (docs/rules.md)')
    .action(() => {
      printOutput(describeRuleLanguage().trimEnd());
    });
  docs
    .command('fields')
    .description('print which fields events of each type have, with their units (docs/fields.md)')
    .action(() => {
      printOutput(describeFields(readSamples()).trimEnd());
    });
}
