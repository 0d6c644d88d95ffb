import { Agent, get } from 'node:http';

/** Asks a Service at a steady rate, each request on a connection of its own; stops when `signal` aborts. */
export const steadyLoad = async (
  urls: readonly string[],
  { perSecond, signal }: { perSecond: number; signal: AbortSignal },
): Promise<{ answered: number; failures: string[] }> => {
  const agent = new Agent({ keepAlive: false });
  const failures: string[] = [];
  const pending = new Set<Promise<void>>();
  let answered = 0;
  const startedAt = performance.now();
  let sent = 0;
  const ask = (url: string): Promise<void> =>
    new Promise((resolve) => {
      const request = get(url, { agent, timeout: 5000 }, (response) => {
        response.resume().on('end', () => {
          if (response.statusCode === 200) answered++;
          else failures.push(`status ${response.statusCode}`);
          resolve();
        });
      });
      request.on('timeout', () => request.destroy(new Error('no answer in 5 s')));
      request.on('error', (error) => {
        failures.push(`${((performance.now() - startedAt) / 1000).toFixed(2)} s: ${error.message}`);
        resolve();
      });
    });
  while (!signal.aborted) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
    for (; sent < due; sent++) {
      const one = ask(urls[sent % urls.length] as string).finally(() => pending.delete(one));
      pending.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(pending);
  return { answered, failures };
};
