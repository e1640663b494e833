import { connectors } from '../../../src/connectors/registry';

jest.mock('@hubspot/api-client/lib/codegen/crm/objects/index', () => {
  throw new Error('the generated code of HubSpot’s SDK was loaded');
});

test('the generated code of the SDK is not loaded with the connector, which every command reads', () => {
  expect(connectors.map(({ name }) => name)).toContain('hubspot');
});
