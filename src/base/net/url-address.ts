const HTTPS_PORT = 443;

/** Where the server of an https URL listens, as sockets take it: an IPv6 address has no brackets there. */
export const urlAddress = ({ hostname, port }: URL): { host: string; port: number } => ({
  host: hostname.replace(/^\[|\]$/g, ''),
  port: Number(port) || HTTPS_PORT,
});
