import { Command } from 'commander';
import { describeActions } from '../connectors/reference-docs';
import { describeRuleLanguage } from '../rules/tools/reference-docs';
import { connectors } from '../connectors/registry';

/** `bridge docs`: documentation made from the program's own definitions. */
export function docsCommand(): Command {
  const docs = new Command('docs').description('documentation made from the definitions of the program itself');
  docs
    .command('actions')
    .description('connections and actions, with every setting and input (docs/actions.md)')
    .action(() => {
      process.stdout.write(describeActions(connectors));
    });
  docs
    .command('rules')
    .description('the rule language: fields, operators, filters (docs/rules.md)')
    .action(() => {
      process.stdout.write(describeRuleLanguage());
    });
  return docs;
}
