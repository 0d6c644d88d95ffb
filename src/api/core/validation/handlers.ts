import { checkNonNegative, checkOneOf, checkPortOrName } from '../../meta/checks.ts';
import { type FieldError, forbidden, invalid, required } from '../../meta/field-error.ts';
import type { Container, Lifecycle, LifecycleHandler, Probe } from '../../types/core-v1.ts';

const HEADER_NAME = /^[-A-Za-z0-9]+$/;
const HEADER_MESSAGE =
  "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";

type Handler = Pick<Probe & LifecycleHandler, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc' | 'sleep'>;
const KINDS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;

const checkHandler = (errors: FieldError[], at: string, handler: Handler, graceSeconds: number): void => {
  const given = KINDS.filter((kind) => handler[kind] !== undefined);
  const [first, ...others] = given;
  if (first === undefined) {
    errors.push(required(at, 'must specify a handler type'));
    return;
  }
  checkAction(errors, at, { [first]: handler[first] }, graceSeconds);
  for (const other of others) errors.push(forbidden(`${at}.${other}`, 'may not specify more than 1 handler type'));
};

const checkAction = (errors: FieldError[], at: string, { exec, httpGet, tcpSocket, grpc, sleep }: Handler, graceSeconds: number): void => {
  if (exec && !exec.command?.length) errors.push(required(`${at}.exec.command`));
  if (httpGet) {
    if (!httpGet.path) errors.push(required(`${at}.httpGet.path`));
    checkPortOrName(errors, `${at}.httpGet.port`, httpGet.port);
    checkOneOf(errors, `${at}.httpGet.scheme`, httpGet.scheme, ['HTTP', 'HTTPS']);
    for (const { name } of httpGet.httpHeaders ?? [])
      if (!HEADER_NAME.test(name)) errors.push(invalid(`${at}.httpGet.httpHeaders`, name, HEADER_MESSAGE));
  }
  if (tcpSocket) checkPortOrName(errors, `${at}.tcpSocket.port`, tcpSocket.port);
  if (grpc) checkPortOrName(errors, `${at}.grpc.port`, grpc.port);
  if (sleep && (sleep.seconds < 0 || sleep.seconds > graceSeconds))
    errors.push(
      invalid(
        `${at}.sleep`,
        sleep.seconds,
        `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds}). Enable AllowPodLifecycleSleepActionZeroValue feature gate for zero sleep.`,
      ),
    );
};

const checkProbe = (errors: FieldError[], at: string, probe: Probe, graceSeconds: number): void => {
  checkHandler(errors, at, probe, graceSeconds);
  checkNonNegative(errors, `${at}.initialDelaySeconds`, probe.initialDelaySeconds);
  checkNonNegative(errors, `${at}.timeoutSeconds`, probe.timeoutSeconds);
  checkNonNegative(errors, `${at}.periodSeconds`, probe.periodSeconds);
  checkNonNegative(errors, `${at}.successThreshold`, probe.successThreshold);
  checkNonNegative(errors, `${at}.failureThreshold`, probe.failureThreshold);
  const seconds = probe.terminationGracePeriodSeconds;
  if (seconds !== undefined && seconds <= 0) errors.push(invalid(`${at}.terminationGracePeriodSeconds`, seconds, 'must be greater than 0'));
};

/** The three probes of a container. */
export const checkProbes = (
  errors: FieldError[],
  at: string,
  container: Pick<Container, 'livenessProbe' | 'readinessProbe' | 'startupProbe'>,
  graceSeconds: number,
): void => {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  if (livenessProbe) {
    checkProbe(errors, `${at}.livenessProbe`, livenessProbe, graceSeconds);
    if (livenessProbe.successThreshold !== 1)
      errors.push(invalid(`${at}.livenessProbe.successThreshold`, livenessProbe.successThreshold ?? 0, 'must be 1'));
  }
  if (readinessProbe) {
    checkProbe(errors, `${at}.readinessProbe`, readinessProbe, graceSeconds);
    const seconds = readinessProbe.terminationGracePeriodSeconds;
    if (seconds !== undefined)
      errors.push(invalid(`${at}.readinessProbe.terminationGracePeriodSeconds`, seconds, 'must not be set for readinessProbes'));
  }
  if (startupProbe) {
    checkProbe(errors, `${at}.startupProbe`, startupProbe, graceSeconds);
    if (startupProbe.successThreshold !== 1)
      errors.push(invalid(`${at}.startupProbe.successThreshold`, startupProbe.successThreshold ?? 0, 'must be 1'));
  }
};

export const checkLifecycle = (errors: FieldError[], at: string, lifecycle: Lifecycle | undefined, graceSeconds: number): void => {
  if (lifecycle?.postStart) checkHandler(errors, `${at}.postStart`, lifecycle.postStart, graceSeconds);
  if (lifecycle?.preStop) checkHandler(errors, `${at}.preStop`, lifecycle.preStop, graceSeconds);
};
