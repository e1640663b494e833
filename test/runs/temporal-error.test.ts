import { describeTemporalError, grpcErrorIn } from '../../src/runs/temporal-error';

function grpcError(code: number, details: string): Error {
  return Object.assign(new Error('x'), { code, details });
}

describe('describeTemporalError', () => {
  it.each([
    [1, 'Temporal does not answer in time: gRPC status 1: why'],
    [4, 'Temporal does not answer in time: gRPC status 4: why'],
    [14, 'Temporal cannot be reached: gRPC status 14: why'],
    [5, 'Temporal answered with gRPC status 5: why'],
  ])('says for status %d whether Temporal answered', (code, expected) => {
    expect(describeTemporalError(grpcError(code, 'why'))).toBe(expected);
    expect(describeTemporalError(new Error('wrapped', { cause: grpcError(code, 'why') }))).toBe(expected);
  });

  it('drops the empty heading that grpc-js appends, and full stops, because texts go on after it', () => {
    expect(describeTemporalError(grpcError(14, 'No connection established. Resolution note: '))).toBe(
      'Temporal cannot be reached: gRPC status 14: No connection established',
    );
    expect(describeTemporalError(grpcError(14, 'connect ECONNREFUSED 127.0.0.1:7233..'))).toMatch(/:7233$/);
  });

  it('describes errors without a gRPC status, and is bounded', () => {
    expect(describeTemporalError(new RangeError('too far'))).toBe('RangeError: too far');
    expect(describeTemporalError('text')).toBe('unknown error');
    expect(describeTemporalError(new Error('x'.repeat(1_000)))).toHaveLength(300);
    expect(describeTemporalError(grpcError(5, 'x'.repeat(1_000)))).toHaveLength(300);
  });
});

describe('grpcErrorIn', () => {
  it('takes the message of an error without details', () => {
    expect(grpcErrorIn(Object.assign(new Error('native message'), { code: 13 }))).toEqual({
      code: 13,
      details: 'native message',
    });
  });

  it('looks at five causes at most, and ignores codes of Node', () => {
    let nested: Error = grpcError(5, 'deep');
    for (let depth = 0; depth < 5; depth += 1) {
      nested = new Error('wrapped', { cause: nested });
    }
    expect(grpcErrorIn(nested)).toBeNull();
    expect(grpcErrorIn(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))).toBeNull();
  });
});
