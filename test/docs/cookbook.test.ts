import { readdirSync, readFileSync } from 'node:fs';

test('the cookbook names every example', () => {
  const named = [...readFileSync('docs/cookbook.md', 'utf8').matchAll(/config\/examples\/([a-z-]+\.yaml)\)/g)].map(
    ([, name]) => name,
  );
  expect(new Set(named)).toEqual(new Set(readdirSync('config/examples').filter((file) => file.endsWith('.yaml'))));
});
