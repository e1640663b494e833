import { createService } from '../../src/service/service';

/** A promise, and its two ends. */
function deferred() {
  let resolve = (): void => undefined;
  let reject = (_error: Error): void => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

test('ended resolves when a stop has finished, and a second stop is the first', async () => {
  let stops = 0;
  const service = createService(async () => void (stops += 1));
  const first = service.stop();
  expect(service.stop()).toBe(first);
  await service.ended;
  expect(stops).toBe(1);
});

test('ended rejects with the error of work that fails by itself', async () => {
  const work = deferred();
  const service = createService(() => Promise.resolve(), work.promise);
  work.reject(new Error('the connection is lost'));
  await expect(service.ended).rejects.toThrow('the connection is lost');
  await service.stop();
});

test('ended rejects when the work finishes although nobody stopped it', async () => {
  const work = deferred();
  const service = createService(() => Promise.resolve(), work.promise);
  work.resolve();
  await expect(service.ended).rejects.toThrow('nobody stopped it');
});

test('a stop whose work fails still counts as a stop', async () => {
  const work = deferred();
  const service = createService(async () => work.reject(new Error('cancelled')), work.promise);
  await service.stop();
  await expect(service.ended).resolves.toBeUndefined();
});
