import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { gzipSync } from 'node:zlib';
import { AnswerTooLarge } from '../../src/net/answer-text';
import { LARGEST_ANSWER_BYTES, requestOnce } from '../../src/net/request-once';

let server: Server;

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

async function ask(answer: RequestListener): ReturnType<typeof requestOnce> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return requestOnce(`http://127.0.0.1:${port}/`, { timeoutMs: 60_000, direct: true });
}

it('an answer comes with its status, type and text, also in chunks that split a character', async () => {
  const answer = ask((_request, response) => {
    const text = Buffer.from('{"name":"Zoë"}');
    response.writeHead(404, { 'content-type': 'application/json' });
    response.write(text.subarray(0, 12));
    response.end(text.subarray(12));
  });
  expect(await answer).toEqual({ status: 404, contentType: 'application/json', text: '{"name":"Zoë"}' });
});

it('an answer without end is refused at the limit', async () => {
  const answer = ask((_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(1_048_576))) {
        // Goes on when the reader has taken it.
      }
    };
    response.on('drain', more);
    more();
  });
  await expect(answer).rejects.toThrow(AnswerTooLarge);
});

it('an answer that is large once it is unpacked is refused, however small it was sent', async () => {
  const answer = ask((_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' });
    response.end(gzipSync(Buffer.alloc(LARGEST_ANSWER_BYTES + 1)));
  });
  await expect(answer).rejects.toThrow(AnswerTooLarge);
});
