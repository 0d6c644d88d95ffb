/** The attributes of every element of that name, in order. libvirt writes its documents in one way, which this reads; it is no parser of XML. */
export const xmlAttributes = (xml: string, element: string): Record<string, string>[] =>
  [...xml.matchAll(new RegExp(`<${element}((?:\\s+[\\w:.-]+=(?:'[^']*'|"[^"]*"))*)\\s*/?>`, 'g'))].map((match) =>
    Object.fromEntries(
      [...(match[1] ?? '').matchAll(/([\w:.-]+)=(?:'([^']*)'|"([^"]*)")/g)].map((found) => [found[1], decode(found[2] ?? found[3] ?? '')]),
    ),
  );

/** The text of the first element of that name. */
export const xmlText = (xml: string, element: string): string | undefined => {
  const text = new RegExp(`<${element}(?:\\s[^>]*)?>([^<]*)</${element}>`).exec(xml)?.[1];
  return text === undefined ? undefined : decode(text);
};

const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

const decode = (text: string): string =>
  text.replaceAll(/&(#x?[0-9a-f]+|\w+);/gi, (whole, name: string) => {
    if (name.startsWith('#x')) return String.fromCodePoint(Number.parseInt(name.slice(2), 16));
    if (name.startsWith('#')) return String.fromCodePoint(Number(name.slice(1)));
    return NAMED[name] ?? whole;
  });
