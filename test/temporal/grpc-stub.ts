import { once } from 'node:events';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Connection } from '@temporalio/client';

/** The answer to a gRPC call: an encoded message, or a status other than 0. */
export type GrpcAnswer = Uint8Array | number;

/** A gRPC server on loopback, with a client's connection to it. */
export interface GrpcStub {
  /** `host:port` */
  address: string;
  connection: Connection;
  close(): Promise<void>;
}

/** Length and compression flag before each message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const PREFIX_BYTES = 5;

/**
 * Starts a gRPC server that answers as a test says.
 *
 * @param answer gets the name of the called method (`DescribeTaskQueue`), the encoded request, and how it is compressed.
 */
export async function startGrpcStub(
  answer: (method: string, request: Uint8Array, compression: string) => GrpcAnswer,
): Promise<GrpcStub> {
  const server = createServer();
  server.on('stream', (stream, headers) => {
    const method = String(headers[':path']).split('/').pop() ?? '';
    const chunks: Buffer[] = [];
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const compression = String(headers['grpc-encoding'] ?? 'identity');
    stream.on('end', () => send(stream, answer(method, Buffer.concat(chunks).subarray(PREFIX_BYTES), compression)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = Connection.lazy({ address, interceptors: [] });
  return {
    address,
    connection,
    close: async () => {
      await connection.close();
      server.close();
    },
  };
}

function send(stream: ServerHttp2Stream, answer: GrpcAnswer): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc' };
  if (typeof answer === 'number') {
    stream.respond({ ...headers, 'grpc-status': String(answer), 'grpc-message': 'no' }, { endStream: true });
    return;
  }
  stream.respond(headers, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(answer.length, 1);
  stream.end(Buffer.concat([prefix, answer]));
}
