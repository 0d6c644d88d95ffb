import dnsPacket, { type Answer, type DecodedPacket } from 'dns-packet';
import type { ClusterZone, ZoneRecord } from './cluster-zone.ts';
import type { UpstreamAnswer } from './upstream.ts';

export interface DnsResponderOptions {
  zone: ClusterZone;
  resolveUpstream: (name: string, type: string) => Promise<UpstreamAnswer>;
  /** False until the zone holds everything: until then the answer is SERVFAIL, never a wrong "no such name". */
  isReady: () => boolean;
  random: () => number;
}

const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
const MAX_UDP_BYTES = 1_232;
const CLASSIC_UDP_BYTES = 512;
const MAX_ALIASES = 8;
const OPCODE_QUERY = 0;

interface Reply {
  rcode: keyof typeof RCODE;
  answers: Answer[];
  authorities: Answer[];
  additionals: Answer[];
  authoritative: boolean;
}

/** Turns one query into one response, bytes to bytes. Undefined for what deserves no answer (a response, or garbage). */
export const createResponder =
  (options: DnsResponderOptions) =>
  async (message: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> => {
    let query: DecodedPacket;
    try {
      query = dnsPacket.decode(message);
    } catch {
      // Unreadable: with an id there can at least be a FORMERR.
      return message.length >= 12 && (message.readUInt8(2) & 0x80) === 0 ? formatError(message) : undefined;
    }
    if (query.type !== 'query') return undefined;
    const reply = await answer(query, options).catch((): Reply => failed('SERVFAIL'));
    return encode(query, reply, transport);
  };

const failed = (rcode: keyof typeof RCODE): Reply => ({ rcode, answers: [], authorities: [], additionals: [], authoritative: false });

const answer = async (query: DecodedPacket, options: DnsResponderOptions): Promise<Reply> => {
  const question = query.questions?.[0];
  if ((((query.flags ?? 0) >> 11) & 0xf) !== OPCODE_QUERY) return failed('NOTIMP');
  if (!question || query.questions?.length !== 1) return failed('FORMERR');
  const name = question.name.toLowerCase().replace(/\.$/, '');
  const { zone } = options;
  if (!options.isReady()) return failed('SERVFAIL');
  const aliases: Answer[] = [];
  let target = name;
  for (let step = 0; step < MAX_ALIASES; step += 1) {
    const result = zone.lookup(target, question.type);
    if (result.kind === 'elsewhere') {
      const upstream = await options.resolveUpstream(target, question.type);
      return {
        rcode: upstream.rcode as keyof typeof RCODE,
        answers: [...aliases, ...upstream.answers],
        authorities: upstream.authorities,
        additionals: [],
        authoritative: false,
      };
    }
    if (result.kind === 'no-such-name')
      return {
        rcode: aliases.length > 0 ? 'NOERROR' : 'NXDOMAIN',
        answers: aliases,
        authorities: [toAnswer(zone.soa())],
        additionals: [],
        authoritative: true,
      };
    if (result.kind === 'found') {
      const answers = [...aliases, ...shuffled(result.answers.map(toAnswer), options.random)];
      return {
        rcode: 'NOERROR',
        answers,
        authorities: answers.length === 0 ? [toAnswer(zone.soa())] : [],
        additionals: result.additionals.map(toAnswer),
        authoritative: true,
      };
    }
    aliases.push(toAnswer(result.record));
    if (question.type === 'CNAME') return { rcode: 'NOERROR', answers: aliases, authorities: [], additionals: [], authoritative: true };
    target = result.target;
  }
  return failed('SERVFAIL');
};

const toAnswer = (record: ZoneRecord): Answer => ({ ...record, class: 'IN' }) as Answer;

/** Clients take the first address: another order each time spreads them. */
const shuffled = (answers: Answer[], random: () => number): Answer[] => {
  for (let index = answers.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [answers[index], answers[other]] = [answers[other] as Answer, answers[index] as Answer];
  }
  return answers;
};

const encode = (query: DecodedPacket, reply: Reply, transport: 'udp' | 'tcp'): Buffer => {
  const option = query.additionals?.find((record) => record.type === 'OPT') as { udpPayloadSize?: number } | undefined;
  const flags =
    (query.flag_rd ? dnsPacket.RECURSION_DESIRED : 0) |
    dnsPacket.RECURSION_AVAILABLE |
    (reply.authoritative ? dnsPacket.AUTHORITATIVE_ANSWER : 0) |
    RCODE[reply.rcode];
  const opt: Answer[] = option ? [{ type: 'OPT', name: '.', udpPayloadSize: MAX_UDP_BYTES, flags: 0, options: [] } as never] : [];
  // The question goes back letter for letter: some clients vary its case and compare.
  const base = { type: 'response' as const, id: query.id ?? 0, questions: query.questions ?? [] };
  const whole = dnsPacket.encode({
    ...base,
    flags,
    answers: reply.answers,
    authorities: reply.authorities,
    additionals: [...reply.additionals, ...opt],
  });
  const limit =
    transport === 'tcp' ? 65_535 : Math.min(Math.max(option?.udpPayloadSize ?? CLASSIC_UDP_BYTES, CLASSIC_UDP_BYTES), MAX_UDP_BYTES);
  if (whole.length <= limit) return whole;
  const withoutExtras = dnsPacket.encode({ ...base, flags, answers: reply.answers, additionals: opt });
  if (withoutExtras.length <= limit) return withoutExtras;
  return dnsPacket.encode({ ...base, flags: flags | dnsPacket.TRUNCATED_RESPONSE, additionals: opt });
};

const formatError = (message: Buffer): Buffer => {
  const response = Buffer.alloc(12);
  response.writeUInt16BE(message.readUInt16BE(0), 0);
  response.writeUInt16BE(0x8000 | RCODE.FORMERR, 2);
  return response;
};
