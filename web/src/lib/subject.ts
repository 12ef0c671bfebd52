// Place is a page of the portal.
export interface Place {
  to: string;
  search?: Record<string, string>;
}

// placeOf gives the page that shows what the key of a record on a partner's Bilateral names,
// like period/O-1/001793577600000 (its time is ms since 1970). Of a record that no page shows
// there is none.
export function placeOf(subject: string, partner: string): Place | undefined {
  const [kind, ...rest] = subject.split("/");
  const p = encodeURIComponent(partner);
  const id = rest.join("/");
  const one = (page: string, of = id) => (of ? { to: `/${page}/${p}/${encodeURIComponent(of)}` } : undefined);
  switch (kind) {
    case "dispute":
      return one("disputes", id.replaceAll("/", "~"));
    case "invoice":
    case "document":
      return one("invoices");
    case "agreement":
      return one("agreements");
    case "sheet":
      return one("sheets");
    case "order":
    case "item":
      return one("orders");
    case "product":
      return one("inventory");
    case "measurement":
      return one("inventory", rest[0]);
    case "period": {
      const from = Number(rest[1] ?? "");
      if (!rest[0] || rest.length !== 2 || !(from > 0 && from < 8.64e15)) return undefined;
      return { to: `/periods/${p}/${encodeURIComponent(rest[0])}/${encodeURIComponent(moment(from))}` };
    }
    case "obligation":
      return { to: "/statements", search: { tab: "obligations", partner, id } };
    case "netting":
      return { to: "/netting", search: { partner, id } };
    case "bill":
    case "bills":
      return { to: "/bills", search: { partner } };
    case "measurements":
      return { to: "/inventory", search: { tab: "measurements", partner } };
    case "imports":
    case "usage":
      return { to: "/usage", search: { partner } };
    case "settlement":
      return { to: "/netting", search: { partner } };
    case "deposits":
      return { to: "/deposits", search: { partner } };
    case "rounds":
      return { to: "/netting", search: { tab: "rounds" } };
  }
  return undefined;
}

// moment writes a time as the API does: without a fraction where there is none.
const moment = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");
