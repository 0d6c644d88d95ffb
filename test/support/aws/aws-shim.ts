/**
 * Stands between the driver and moto and adds what AWS has and moto lacks: client tokens, consoles, parameters of publishers, faults that a test
 * asks for, things in use that cannot be deleted, and a record of what was called.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface Fault {
  /** `RunInstances` */
  action: string;
  code: string;
  status?: number;
  times: number;
  message?: string;
  /** AWS does what it was asked, but the answer is lost. */
  after?: true;
  /** Only for requests whose body has this text in it. */
  matching?: string;
}

export interface AwsShim {
  endpoint: string;
  /** Every call so far: `RunInstances`. */
  readonly calls: string[];
  /** The last call of an action, with its fields. Throws where there was none. */
  last(action: string): { fields: URLSearchParams };
  fail(fault: Fault): void;
  /** Public parameters of SSM, which moto lets nobody set. */
  readonly parameters: Map<string, string>;
  /** Of an instance. */
  console: (instanceId: string) => string;
  reset(): void;
  close(): void;
}

export const startShim = async (options: { moto: string; address: string; port: number }): Promise<AwsShim> => {
  const calls: string[] = [];
  let faults: Fault[] = [];
  const last = new Map<string, { fields: URLSearchParams }>();
  const tokens = new Map<string, { request: string; answer: Answer }>();
  const shim: AwsShim = {
    endpoint: `http://${options.address}:${options.port}`,
    calls,
    last: (action) => {
      const found = last.get(action);
      if (!found) throw new Error(`${action} was not called`);
      return found;
    },
    fail: (fault) => void faults.push({ ...fault }),
    parameters: new Map(),
    console: () => '',
    reset: () => {
      calls.length = 0;
      faults = [];
      tokens.clear();
      shim.parameters.clear();
    },
    close: () => void server.closeAllConnections(),
  };

  const takeFault = (action: string, body: string): Fault | undefined => {
    const fault = faults.find((each) => each.action === action && each.times > 0 && body.includes(each.matching ?? ''));
    if (fault) fault.times--;
    return fault;
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await textOf(request);
    const fields = new URLSearchParams(body);
    const action = fields.get('Action') ?? String(request.headers['x-amz-target'] ?? '').replace(/^.*\./, '');
    const service = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    calls.push(action);
    last.set(action, { fields });
    const type = service === 'ssm' ? 'application/x-amz-json-1.1' : 'text/xml';
    const send = (answer: Answer): void => void response.writeHead(answer.status, { 'content-type': type }).end(answer.text);
    const fault = takeFault(action, body);
    if (fault && !fault.after) return send(faultAnswer(service, fault));
    if (action === 'GetConsoleOutput') return send(consoleAnswer(fields.get('InstanceId') ?? '', shim));
    const parameter = action === 'GetParameter' ? shim.parameters.get((JSON.parse(body) as { Name: string }).Name) : undefined;
    if (parameter) return send({ status: 200, text: JSON.stringify({ Parameter: { Type: 'String', Value: parameter } }) });
    const inUse = await dependencyOf(options.moto, request, fields);
    if (inUse)
      return send(
        faultAnswer(service, {
          code: 'DependencyViolation',
          status: 400,
          message: inUse,
        }),
      );
    const token = action === 'RunInstances' ? fields.get('ClientToken') : null;
    const known = token ? tokens.get(token) : undefined;
    if (known && known.request !== body)
      return send(
        faultAnswer(service, {
          code: 'IdempotentParameterMismatch',
          message: 'the token was used for another request',
        }),
      );
    if (known && (await isTerminated(options.moto, request, idIn(known.answer))))
      return send(
        faultAnswer(service, {
          code: 'IdempotentInstanceTerminated',
          message: 'the instance of this token is terminated',
        }),
      );
    const answer = known?.answer ?? (await forward(options.moto, request, body));
    if (token && answer.status === 200) tokens.set(token, { request: body, answer });
    if (fault) return void response.destroy();
    send(answer);
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: Error) => response.writeHead(502).end(error.message));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port, options.address, resolve));
  server.unref();
  return shim;
};

interface Answer {
  status: number;
  text: string;
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
};

const forward = async (moto: string, request: Pick<IncomingMessage, 'headers' | 'method' | 'url'>, body: string): Promise<Answer> => {
  const kept = ['authorization', 'content-type', 'x-amz-date', 'x-amz-target', 'x-amz-security-token', 'x-amz-content-sha256'];
  const headers = Object.fromEntries(kept.flatMap((name) => (request.headers[name] ? [[name, String(request.headers[name])]] : [])));
  const answer = await fetch(`${moto}${request.url}`, {
    method: request.method ?? 'POST',
    headers,
    body,
  });
  return { status: answer.status, text: await answer.text() };
};

/** Another question in the name of who asked. */
const ask = (moto: string, request: IncomingMessage, fields: Record<string, string>): Promise<Answer> =>
  forward(moto, request, new URLSearchParams({ ...fields, Version: '2016-11-15' }).toString());

const idIn = (answer: Answer): string => /<instanceId>(i-[0-9a-f]+)</.exec(answer.text)?.[1] ?? '';

const isTerminated = async (moto: string, request: IncomingMessage, id: string): Promise<boolean> =>
  /<name>terminated</.test(
    (
      await ask(moto, request, {
        Action: 'DescribeInstances',
        'InstanceId.1': id,
      })
    ).text,
  );

/** moto deletes security groups and subnets that instances are in; AWS says what it is asked to. */
const dependencyOf = async (moto: string, request: IncomingMessage, fields: URLSearchParams): Promise<string | undefined> => {
  const action = fields.get('Action');
  const filter =
    action === 'DeleteSecurityGroup'
      ? { name: 'instance.group-id', id: fields.get('GroupId') }
      : action === 'DeleteSubnet'
        ? { name: 'subnet-id', id: fields.get('SubnetId') }
        : undefined;
  if (!filter?.id) return undefined;
  const answer = await ask(moto, request, {
    Action: 'DescribeInstances',
    'Filter.1.Name': filter.name,
    'Filter.1.Value.1': filter.id,
    'Filter.2.Name': 'instance-state-name',
    'Filter.2.Value.1': 'running',
    'Filter.2.Value.2': 'pending',
    'Filter.2.Value.3': 'stopped',
  });
  return idIn(answer) ? `resource ${filter.id} has a dependent object` : undefined;
};

const faultAnswer = (service: string, fault: Pick<Fault, 'code' | 'status' | 'message'>): Answer => {
  if (service === 'ssm') return { status: fault.status ?? 400, text: JSON.stringify({ __type: fault.code, message: 'as the test wants' }) };
  const error = `<Error><Code>${fault.code}</Code><Message>${fault.message ?? 'as the test wants'}</Message></Error>`;
  const text =
    service === 'ec2'
      ? `<?xml version="1.0"?><Response><Errors>${error}</Errors><RequestID>r</RequestID></Response>`
      : `<?xml version="1.0"?><ErrorResponse>${error}<RequestId>r</RequestId></ErrorResponse>`;
  return { status: fault.status ?? 400, text };
};

const consoleAnswer = (id: string, shim: AwsShim): Answer => ({
  status: 200,
  text: `<GetConsoleOutputResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><instanceId>${id}</instanceId><output>${Buffer.from(shim.console(id)).toString('base64')}</output></GetConsoleOutputResponse>`,
});
