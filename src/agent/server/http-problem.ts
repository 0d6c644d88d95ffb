/** An answer that is not the one asked for; the body is plain text, as kubelet's is. */
export class HttpProblem extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'HttpProblem';
    this.code = code;
  }
}
