import type { Command } from 'commander';
import { rulesJsonSchema } from '../rules/tools/json-schema';
import { actionCatalogue } from '../connectors/registry';
import { printOutput } from '../text/print';

/** `bridge schema`: the JSON Schemas with which editors complete and check rule files. */
export function defineSchema(schema: Command): void {
  schema
    .command('rules')
    .description('print the schema of rule files (config/schemas/rules.schema.json)')
    .action(() => {
      printOutput(JSON.stringify(rulesJsonSchema(actionCatalogue), null, 2));
    });
}
