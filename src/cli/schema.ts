import { Command } from 'commander';
import { rulesJsonSchema } from '../rules/tools/json-schema';
import { actionCatalogue } from '../connectors/registry';

/** `bridge schema`: what editors complete and check rule files with. */
export function schemaCommand(): Command {
  const schema = new Command('schema').description('JSON Schemas for editors');
  schema
    .command('rules')
    .description('the schema of rule files (config/schemas/rules.schema.json)')
    .action(() => {
      process.stdout.write(`${JSON.stringify(rulesJsonSchema(actionCatalogue), null, 2)}\n`);
    });
  return schema;
}
